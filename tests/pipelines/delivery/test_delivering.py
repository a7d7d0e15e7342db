"""Every kind takes every message once, whatever happens on the way."""

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from pipelines import tables
from pipelines.delivery import delivering
from pipelines.delivery.delivering import Delivered
from pipelines.delivery.selecting import Wanted
from pipelines.delivery.webhook import sign
from pipelines.store import Store
from tests.pipelines.delivery.conftest import HTTP_KINDS, KINDS, OLD_SECRET, SECRET, Place
from tests.pipelines.delivery.http_server import Mishap, Reply, serve
from tests.pipelines.delivery.outbox_store import (
    NOW,
    FakeClock,
    add_action,
    make_job,
    open_outbox,
    read_actions,
)

ROOT = Path(__file__).parents[3]
Open = Callable[..., Place]
Deliver = Callable[..., Delivered]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_takes_each_message_once_and_a_second_time_sends_nothing(
    kind: str, outbox: Store, open_place: Open, deliver: Deliver
) -> None:
    place = open_place(kind)
    add_action(outbox, 0, kind)
    for number in (1, 2):
        add_action(outbox, number, kind, group_key="late")
    done = deliver(place)
    n_messages = 1 if kind == "csv" else 2
    assert (done.count("sent"), len(done.outcomes), done.n_left) == (3, n_messages, 0)
    assert len(place.taken) == len(set(place.taken)) == n_messages
    rows = read_actions(outbox, "status", "attempts", "sent_at", "message_id", "attempt_at")
    assert {row[3] for row in rows} == set(place.taken)
    assert {row[:3] + row[4:] for row in rows} == {("sent", 1, NOW, None)}
    if kind != "csv":
        assert rows[1][3] == rows[2][3] != rows[0][3]
    n_runs = count_runs(outbox)
    assert deliver(place).outcomes == []
    assert len(place.taken) == n_messages
    assert count_runs(outbox) == n_runs


def count_runs(store: Store) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(tables.run)).scalar_one()


LATER = format_datetime(NOW + timedelta(seconds=9), usegmt=True)
MISHAPS = {
    "500": Mishap(Reply(500, "oops")),
    "503": Mishap(Reply(503, {}, {"retry-after": "3"})),
    "429 in seconds": Mishap(Reply(429, {}, {"retry-after": "7"})),
    "429 at a date": Mishap(Reply(429, {}, {"retry-after": LATER})),
    "silence": Mishap(silence_s=0.5),
    "silence, but it has it": Mishap(silence_s=0.5, has_it=True),
    "cut before it read it": Mishap(),
    "cut in the middle of the answer": Mishap(has_it=True),
}
# Slack has neither a key nor a way to ask: it is sent again, as the README says.
TWICE = {("slack", "silence, but it has it"), ("slack", "cut in the middle of the answer")}


# How an answer is read is the same for all; what follows from it differs by kind.
BY_KIND = ("500", "cut before it read it", "cut in the middle of the answer")
TROUBLES = [("webhook", mishap) for mishap in MISHAPS]
TROUBLES += [(kind, mishap) for kind in HTTP_KINDS[1:] for mishap in BY_KIND]
TROUBLES += [("jira", "silence, but it has it"), ("slack", "silence, but it has it")]


@pytest.mark.parametrize(("kind", "mishap"), TROUBLES)
def test_a_message_arrives_once_whatever_happens_to_the_answer(
    kind: str, mishap: str, outbox: Store, open_place: Open, deliver: Deliver, clock: FakeClock
) -> None:
    place = open_place(kind, timeout_s=0.15 if "silence" in mishap else 5)
    assert place.server
    add_action(outbox, 0, kind)
    place.server.mishaps = [MISHAPS[mishap]]
    deliver(place)
    if mishap == "429 in seconds":
        assert clock.sleeps == [7.0]
    if mishap == "429 at a date":
        assert clock.sleeps == [9.0]
    for _ in range(3):  # whatever was left for later
        if read_actions(outbox, "status") == [("sent",)]:
            break
        place.settle()
        clock.moment += timedelta(days=1)
        deliver(place)
    assert read_actions(outbox, "status", "attempt_at") == [("sent", None)]
    assert len(place.taken) == (2 if (kind, mishap) in TWICE else 1)
    assert len(set(place.taken)) == 1


class Killed(BaseException):
    """Nothing is recorded after it."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_between_sending_and_recording_is_found_and_decided(
    kind: str,
    outbox: Store,
    open_place: Open,
    deliver: Deliver,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = open_place(kind)
    add_action(outbox, 0, kind)

    def kill(*given: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(delivering, "record_sent", kill)
        deliver(place)
    assert read_actions(outbox, "status", "attempts", "attempt_at") == [("pending", 1, NOW)]
    assert len(place.taken) == 1
    first = deliver(place)
    if kind in ("jira", "github"):  # what was just made may not be found yet
        assert (first.n_left, first.outcomes) == (1, [])
    clock.moment += timedelta(minutes=3)
    place.settle()
    deliver(place)
    ((status, reference),) = read_actions(outbox, "status", "reference")
    assert status == "sent"
    assert len(set(place.taken)) == 1
    # A mailbox knows the copy by its Message-ID; Slack shows it twice.
    assert len(place.taken) == (2 if kind in ("slack", "email") else 1)
    if kind in ("jira", "zendesk", "github"):
        assert reference in ("CX-1", "35436", "https://github.com/acme/care/issues/1")


@pytest.mark.parametrize("kind", ["slack", "email"])
def test_who_would_rather_look_than_have_it_twice_is_asked(
    kind: str, outbox: Store, open_place: Open, deliver: Deliver, clock: FakeClock, tmp_path: Path
) -> None:
    place = open_place(kind, when_unknown="stop")
    action_id = add_action(outbox, 0, kind)
    if place.server:
        place.server.mishaps = [Mishap(has_it=True)]
    elif place.mail:
        place.mail.cut_after_data = 1
    done = deliver(place)
    assert (done.count("failed"), len(place.taken)) == (1, 1)
    ((status, reason),) = read_actions(outbox, "status", "reason")
    assert status == "failed"
    assert "it may have arrived: look" in reason
    clock.moment += timedelta(days=9)
    assert deliver(place).outcomes == []
    from pipelines.delivery.dead_letters import retry_actions

    assert retry_actions(make_job(outbox, tmp_path, place.entry), [action_id]) == [action_id]
    assert deliver(place).count("sent") == 1
    assert len(place.taken) == 2


def test_a_program_that_is_killed_while_the_receiver_answers_sends_it_once(
    outbox: Store, open_place: Open, deliver: Deliver, tmp_path: Path
) -> None:
    place = open_place("webhook")
    assert place.server
    add_action(outbox, 0, "webhook")
    process: list[subprocess.Popen[bytes]] = []
    killing = Mishap(Reply(), has_it=True, before=lambda: process[0].kill())
    place.server.mishaps = [killing]
    (tmp_path / "earful.toml").write_text(
        f'[[destinations]]\nname = "webhook"\nkind = "webhook"\nurl = "{place.entry["url"]}"\n'
        'secrets = ["${HOOK_SECRET}"]\nnetworks = ["127.0.0.0/8"]\n'
    )
    command = [sys.executable, "-m", "pipelines", "actions", "deliver", "--db", str(outbox.path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "EARFUL_CACHE": str(tmp_path)}
    process.append(subprocess.Popen(command, cwd=tmp_path, env=environment))
    assert process[0].wait(60) == -signal.SIGKILL
    assert [row[:2] for row in read_actions(outbox, "status", "attempts")] == [("pending", 1)]
    deliver(place)
    posts = [request.headers["webhook-id"] for request in place.server.requests]
    assert len(posts) == 2
    assert set(posts) == set(place.taken) == {posts[0]}
    assert read_actions(outbox, "status", "attempts") == [("sent", 2)]


def test_signatures_are_those_of_the_published_example_and_of_both_secrets_while_they_change(
    outbox: Store, open_place: Open, deliver: Deliver
) -> None:
    # The worked example of the libraries of Standard Webhooks.
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = sign([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    place = open_place("webhook", secrets=["${HOOK_SECRET}", "${OLD_SECRET}"])
    assert place.server
    add_action(outbox, 0, "webhook")
    deliver(place)
    (request,) = place.server.requests
    assert request.headers["webhook-signature"].count("v1,") == 2
    for secret in (SECRET, OLD_SECRET):  # a receiver that knows only one of them
        place.service.secret = secret
        place.service.verify(request)
    place.service.secret = "whsec_" + "A" * 32
    with pytest.raises(AssertionError, match="no signature is ours"):
        place.service.verify(request)


def test_a_redirect_is_not_followed_to_another_host(
    outbox: Store, open_place: Open, deliver: Deliver
) -> None:
    place = open_place("webhook")
    assert place.server
    add_action(outbox, 0, "webhook")
    add_action(outbox, 1, "webhook")
    with serve(lambda _: Reply()) as (other, address):
        place.server.mishaps = [Mishap(Reply(307, "", {"location": f"{address}/moved"}))]
        done = deliver(place)
    assert other.requests == []
    assert len(place.server.requests) == 1  # nor is the second message tried
    assert "answered 307, a redirect" in done.closed["webhook"]
    assert read_actions(outbox, "status", "attempts") == [("pending", 1), ("pending", 0)]


def test_a_store_is_free_for_others_while_a_message_is_sent(
    store_url: str, open_place: Open, tmp_path: Path, clock: FakeClock
) -> None:
    place = open_place("webhook")
    assert place.server
    store = open_outbox(store_url)
    add_action(store, 0, "webhook")
    seen: list[int] = []

    def write_meanwhile() -> None:
        with store.lock(0), store.write() as connection:
            connection.execute(update(tables.customer).values(country="NL"))
        seen.append(1)

    place.server.mishaps = [Mishap(Reply(), has_it=True, before=write_meanwhile)]
    job = make_job(store, tmp_path, place.entry)
    done = delivering.deliver_actions(job, tmp_path, Wanted(), clock)
    assert (done.count("sent"), seen) == (1, [1])
    assert read_actions(store, "status", "sent_at") == [("sent", NOW)]
    store.engine.dispose()
