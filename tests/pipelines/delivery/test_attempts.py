"""How often a message is tried, when it is given up, and what stops a delivery."""

import os
import random
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.delivery.answers import Answer, read_wait, tell_codes
from pipelines.delivery.dead_letters import retry_actions
from pipelines.delivery.delivering import Delivered
from pipelines.delivery.retrying import choose_pause
from pipelines.delivery.selecting import Wanted
from pipelines.errors import ConfigError
from pipelines.store import Store
from tests.pipelines.delivery.conftest import HTTP_KINDS, OLD_SECRET, Place
from tests.pipelines.delivery.http_server import Mishap, Reply
from tests.pipelines.delivery.outbox_store import (
    NOW,
    FakeClock,
    add_action,
    make_job,
    read_actions,
    withdraw,
)

Open = Callable[..., Place]
Deliver = Callable[..., Delivered]


def test_a_receiver_that_is_down_is_tried_with_growing_waits_and_given_up_in_the_end(
    outbox: Store, open_place: Open, deliver: Deliver, clock: FakeClock, tmp_path: Path
) -> None:
    place = open_place("webhook", tries=3, max_attempts=4)
    assert place.server
    action_id = add_action(outbox, 0, "webhook")
    place.server.mishaps = [Mishap(Reply(503))] * 12
    pauses = []
    for attempt in range(1, 5):
        done = deliver(place)
        ((status, attempts, next_at),) = read_actions(
            outbox, "status", "attempts", "next_attempt_at"
        )
        assert attempts == attempt
        assert len(place.server.requests) == 3 * attempt
        if next_at:
            pauses.append((next_at - clock.moment).total_seconds())
            assert deliver(place).outcomes == []  # not before
            clock.moment = next_at
    assert status == "failed"
    assert done.outcomes[0].reason == "answered 503"
    assert [150 <= pauses[0] <= 300, 450 <= pauses[1] <= 900, 1350 <= pauses[2] <= 2700] == [
        True
    ] * 3
    # Two waits in each command, with full jitter: at most 1 s, then at most 2.
    assert all(0 <= wait <= limit for wait, limit in zip(clock.sleeps, [1.0, 2.0] * 4, strict=True))
    assert len(set(clock.sleeps)) == 8
    clock.moment += timedelta(days=30)
    assert deliver(place).outcomes == []
    job = make_job(outbox, tmp_path, place.entry)
    with pytest.raises(ConfigError, match=r"1 of 2 ids are of no failed action \(first: nobody\)"):
        retry_actions(job, [action_id, "nobody"])
    assert read_actions(outbox, "status") == [("failed",)]
    assert retry_actions(job, None) == [action_id]
    assert deliver(place).count("sent") == 1
    assert read_actions(outbox, "status", "attempts", "reason") == [("sent", 1, None)]
    assert len({each.headers["webhook-id"] for each in place.server.requests}) == 1


# What is answered; the status of the action after it, tries, and whether others are left alone.
ANSWERS = [
    (Reply(400, {"error": {"code": "bad_thing"}}), "failed", 1, False, "answered 400 (bad_thing)"),
    (Reply(422, {"errors": [{"field": "title"}]}), "failed", 1, False, "answered 422 (title)"),
    (Reply(401, "no"), "pending", 1, True, "answered 401 (no)"),
    (Reply(404), "pending", 1, True, "answered 404"),
    (Reply(410), "pending", 1, True, "answered 410"),
    (Reply(200, {"ok": False, "error": "busy"}), "pending", 1, False, "with an error (busy)"),
    (Reply(200, {"errors": {"a": "?"}}), "pending", 1, False, "answered 200 with an error (a)"),
    (Reply(200, {"status": "fail", "data": {}}), "pending", 1, False, "200 with an error"),
    (Reply(200, {"errcode": 4}), "pending", 1, False, "with an error (errcode-4)"),
    (Reply(200, {"result": {"success": False}}), "pending", 1, False, "200 with an error"),
    (Reply(200, {"success": "false"}), "pending", 1, False, "200 with an error"),
    (Reply(200, {"statusCode": 502, "body": ""}), "pending", 1, False, "200 with an error"),
    (Reply(200, {"errorMessage": "no room"}), "pending", 1, False, "200 with an error"),
    (Reply(200, "\n<!DOCTYPE html><p>Log in"), "pending", 1, True, "200 with a page of HTML"),
    (Reply(408), "pending", 3, False, "answered 408"),
    (Reply(425), "pending", 3, False, "answered 425"),
    (Reply(429, {}, {"retry-after": "900"}), "pending", 1, True, "answered 429"),
    (Reply(403, {}, {"x-ratelimit-remaining": "0"}), "pending", 3, False, "answered 403"),
]


def test_each_answer_is_taken_for_what_it_means(
    outbox: Store, open_place: Open, deliver: Deliver, clock: FakeClock
) -> None:
    for number, (reply, status, n_tries, closes, reason) in enumerate(ANSWERS):
        name = f"hook-{number}"
        place = open_place("webhook", name=name)
        assert place.server
        add_action(outbox, 2 * number, name)
        add_action(outbox, 2 * number + 1, name)
        place.server.mishaps = [Mishap(reply)] * n_tries
        before = clock.moment
        done = deliver(place)
        rows = read_actions(
            outbox, "destination", "status", "reason", "next_attempt_at", "attempts"
        )
        first, second = (row[1:] for row in rows if row[0] == name)
        assert first[0] == status, reply
        assert reason in first[1]
        assert (name in done.closed, second[0], second[3]) == (
            (True, "pending", 0) if closes else (False, "sent", 1)
        ), reply
        assert len(place.server.requests) == n_tries + (not closes)
        if reply.status == 429:
            assert first[2] >= before + timedelta(seconds=900)


def test_a_login_that_is_refused_is_mended_and_a_limit_waited_for_at_every_service(
    outbox: Store,
    open_place: Open,
    deliver: Deliver,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = [open_place(kind) for kind in HTTP_KINDS]
    for number, kind in enumerate(HTTP_KINDS):
        add_action(outbox, number, kind)
    with monkeypatch.context() as patched:
        patched.setenv("TOKEN", "wrong")
        patched.setenv("HOOK_SECRET", OLD_SECRET)
        patched.setenv("SLACK_URL", os.environ["SLACK_URL"] + "-wrong")
        refused = deliver(*places)
    statuses = dict.fromkeys(HTTP_KINDS, "answered 401") | {"slack": "answered 404 (no_service)"}
    assert refused.closed == statuses
    assert [place.taken for place in places] == [[]] * 5
    clock.moment += timedelta(days=1)
    for place in places:
        assert place.server
        place.server.mishaps = [Mishap(Reply(429, {}, {"retry-after": "2"}))]
    assert deliver(*places).count("sent") == 5
    assert clock.sleeps == [2.0] * 5
    assert [len(place.taken) for place in places] == [1] * 5


def test_slack_says_what_is_wrong_with_200_too(
    outbox: Store, open_place: Open, deliver: Deliver
) -> None:
    place = open_place("slack")
    assert place.server
    for number in range(3):
        add_action(outbox, number, "slack")
    place.server.mishaps = [Mishap(Reply(200, "invalid_payload")), Mishap(Reply(200, "<html>"))]
    done = deliver(place)
    assert [each.state for each in done.outcomes] == ["failed", "later"]
    assert done.outcomes[0].reason == "answered 200 (invalid_payload)"
    assert done.closed == {"slack": "answered 200 in the place of ok"}
    assert done.n_left == 1


@pytest.mark.parametrize("kind", ["jira", "zendesk", "github"])
def test_a_page_in_the_place_of_what_was_made_is_looked_into_and_not_taken_for_it(
    kind: str, outbox: Store, open_place: Open, deliver: Deliver, clock: FakeClock
) -> None:
    place = open_place(kind)
    assert place.server
    for number in range(2):
        add_action(outbox, number, kind)
    # It was made all the same; what answers the search is a proxy's page too, at first.
    page = Reply(200, "<html>be right back</html>")
    place.server.mishaps = [Mishap(page, has_it=True), Mishap(page)]
    done = deliver(place)
    assert "answered 200 with no" in done.closed[kind] and done.n_left == 1
    place.settle()
    for _ in range(2):
        clock.moment += timedelta(days=1)
        deliver(place)
    assert read_actions(outbox, "status") == [("sent",)] * 2
    assert len(place.taken) == len(set(place.taken)) == 2


def test_retry_after_is_read_in_seconds_as_a_date_and_as_githubs_hour() -> None:
    now = NOW
    for headers, expected in (
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:02:00 GMT"}, 120.0),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{now.timestamp() + 60:.0f}"}, 60.0),
        ({"x-ratelimit-remaining": "7", "x-ratelimit-reset": "1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({}, None),
    ):
        assert read_wait(headers, now) == expected, headers


def test_reasons_hold_codes_and_no_sentences() -> None:
    for body, expected in (
        (b'{"errors": {"priority": "Words of people", "x y": 1}}', " (priority)"),
        (b'{"error": "RecordInvalid", "details": {"base": []}}', " (RecordInvalid, base)"),
        (
            b'{"errors": [{"resource": "Issue", "field": "title", "code": "missing"}]}',
            " (missing, Issue, title)",
        ),
        (b"channel_is_archived", " (channel_is_archived)"),
        (b'{"errcode": 40001, "errmsg": "Words of people"}', " (errcode-40001)"),
        (b'{"result": {"success": false, "code": "E17"}}', " (E17)"),
        (b"The customer said that nobody answers", ""),
        (b"", ""),
        (b"[1, 2]", ""),
        (b"[" * 100_000, ""),
    ):
        assert tell_codes(Answer(400, {}, body)) == expected, body


def test_pauses_grow_up_to_a_day_and_never_fall_below_what_is_asked() -> None:
    clock = FakeClock()
    clock.chance = random.Random(1)
    for n_attempts, longest in ((1, 300), (2, 900), (5, 24_300), (7, 86_400), (40, 86_400)):
        pauses = [choose_pause(n_attempts, None, clock) for _ in range(50)]
        assert longest / 2 <= min(pauses) <= longest * 0.6
        assert longest * 0.9 <= max(pauses) <= longest
    assert choose_pause(1, 5_000.0, clock) == 5_000.0
    assert choose_pause(1, 1e9, clock) == 7 * 86_400


def test_three_messages_in_vain_are_enough_for_one_command(
    outbox: Store, open_place: Open, deliver: Deliver
) -> None:
    place, other = open_place("webhook", tries=1), open_place("csv")
    assert place.server
    place.server.mishaps = [Mishap(Reply(503))] * 9
    for number in range(6):
        add_action(outbox, number, "webhook")
    add_action(outbox, 9, "csv")
    done = deliver(place, other)
    assert (done.count("later"), done.n_left, done.count("sent")) == (3, 3, 1)
    assert done.closed == {"webhook": "answered 503"}


def test_no_more_go_in_a_minute_than_may_also_across_commands(
    outbox: Store, open_place: Open, deliver: Deliver, clock: FakeClock
) -> None:
    place = open_place("csv", max_per_minute=1)
    hook = open_place("webhook", max_per_minute=2)
    for number in range(5):
        add_action(outbox, number, "webhook")
    deliver(place, hook, wanted=Wanted(limit=1))
    clock.moment += timedelta(seconds=20)
    assert deliver(place, hook).count("sent") == 4
    # 12:00:00 of the first command; then one at once, and the others as places become free.
    times = sorted(row[0] - NOW for row in read_actions(outbox, "sent_at"))
    assert [each.total_seconds() for each in times] == [0, 20, 60, 80, 120]


def test_limit_and_destination_leave_the_rest(
    outbox: Store, open_place: Open, deliver: Deliver
) -> None:
    hook, drop = open_place("webhook"), open_place("csv")
    for number in range(3):
        add_action(outbox, number, "webhook")
    add_action(outbox, 5, "csv")
    add_action(outbox, 6, "nowhere")
    done = deliver(hook, drop, wanted=Wanted(("webhook",), 2))
    assert (done.count("sent"), done.n_left, done.lost) == (2, 1, {})
    done = deliver(hook, drop)
    assert (done.count("sent"), done.n_left, done.lost) == (2, 0, {"nowhere": 1})
    with pytest.raises(ConfigError, match=r"no destination fax \(it has: webhook, csv\)"):
        deliver(hook, drop, wanted=Wanted(("fax",)))


def test_ctrl_c_finishes_the_message_under_way_and_leaves_the_others(
    outbox: Store, open_place: Open, deliver: Deliver, clock: FakeClock
) -> None:
    place = open_place("webhook")
    assert place.server
    for number in range(3):
        add_action(outbox, number, "webhook")

    def press_ctrl_c() -> None:
        """As the system does, but for a process that pytest's worker would end with."""
        handler = signal.getsignal(signal.SIGINT)
        assert callable(handler)
        handler(signal.SIGINT, None)

    stopping = Mishap(Reply(202), has_it=True, before=press_ctrl_c)
    place.server.mishaps = [None, stopping]
    before = signal.getsignal(signal.SIGINT)
    done = deliver(place)
    assert (done.count("sent"), done.n_left, done.is_stopped) == (2, 1, True)
    assert signal.getsignal(signal.SIGINT) == before
    statuses = [row[0] for row in read_actions(outbox, "status")]
    assert statuses == ["sent", "sent", "pending"]
    clock.is_stopping = False
    assert deliver(place).count("sent") == 1
    assert len(place.taken) == 3


def test_who_withdrew_is_left_out_at_the_last_moment(
    outbox: Store, open_place: Open, deliver: Deliver, clock: FakeClock
) -> None:
    place = open_place("webhook")
    assert place.server
    reachable = {"payload": {"contacts": "email"}}
    add_action(outbox, 0, "webhook")
    add_action(outbox, 1, "webhook", customer_id="c1", group_key="g")
    add_action(outbox, 2, "webhook", customer_id="c2", group_key="g")
    add_action(outbox, 3, "webhook", customer_id="c2", **reachable)
    add_action(outbox, 4, "webhook", customer_id="c0", **reachable)
    add_action(outbox, 5, "webhook", customer_id=None)
    withdraw(outbox, "c1", "profiling")
    withdraw(outbox, "c0", "contact", "granted")
    # c2 withdraws once the first message is on its way.
    late = Mishap(Reply(), has_it=True, before=lambda: withdraw(outbox, "c2", "profiling"))
    place.server.mishaps = [late]
    done = deliver(place)
    rows = read_actions(outbox, "status", "reason")
    refused = "profiling_refused"
    assert rows == [
        ("sent", None),
        ("suppressed", refused),
        ("suppressed", refused),
        ("suppressed", "contact_refused"),
        ("sent", None),
        ("sent", None),
    ]
    assert (done.count("sent"), done.n_suppressed, done.n_left) == (3, 3, 0)
    assert not any(b'"c1"' in each.body or b'"c2"' in each.body for each in place.server.requests)
