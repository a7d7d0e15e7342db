"""``earful actions deliver``, ``retry``, ``test`` and ``doctor``; and where secrets must not be."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import Config
from pipelines.delivery import delivering
from pipelines.delivery.delivering import Delivered
from pipelines.doctor import _check_destinations, _check_given_up
from pipelines.store import Store
from tests.command_line import Call, Ended, make_call
from tests.pipelines.delivery.conftest import HTTP_KINDS, VARIABLES, Place
from tests.pipelines.delivery.http_server import Mishap, Reply, Server
from tests.pipelines.delivery.outbox_store import HEBREW, add_action, read_actions
from tests.pipelines.delivery.services import TOKEN

Open = Callable[..., Place]
Deliver = Callable[..., Delivered]


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    outbox: Store,
) -> Call:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EARFUL_DB", str(outbox.path))
    monkeypatch.setenv("EARFUL_CACHE", str(tmp_path / "cache"))
    return make_call(capsys)


def write_config(folder: Path, *places: Place) -> None:
    lines = []
    for place in places:
        lines.append("[[destinations]]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in place.entry.items()]
    (folder / "earful.toml").write_text("\n".join(lines), encoding="utf-8")


def test_deliver_says_what_became_of_each_message(
    call: Call, open_place: Open, outbox: Store, tmp_path: Path
) -> None:
    hook, drop = open_place("webhook"), open_place("csv")
    assert hook.server
    write_config(tmp_path, hook, drop)
    first = add_action(outbox, 0, "webhook")
    add_action(outbox, 1, "csv")
    dry = call("actions", "deliver", "--dry-run")
    assert (dry.code, hook.server.requests) == (0, [])
    assert HEBREW in dry.out
    assert "2 messages would be sent; nothing was" in dry.out
    assert read_actions(outbox, "attempts", "message_id") == [(0, None)] * 2
    assert list(_check_given_up(str(outbox.url))) == []
    hook.server.mishaps = [Mishap(Reply(400, "invalid_thing"))]
    ended = call("actions", "deliver")
    assert ended.code == 3
    assert ended.out.splitlines()[-1] == "1 sent, 1 failed"
    assert "answered 400 (invalid_thing)" in ended.out
    (finding,) = _check_given_up(str(outbox.url))
    assert f"1 could not be delivered (first: {first} to webhook, answered 400" in finding.detail
    assert call("actions", "retry").code == 2
    assert call("actions", "retry", "nobody").code == 2
    again = call("actions", "retry", first)
    assert again.out == "1 action waits again; send with: earful actions deliver\n"
    told = json.loads(call("actions", "deliver", "--json").out)
    assert [told[name] for name in ("n_sent", "n_later", "n_failed", "n_left")] == [1, 0, 0, 0]
    assert told["outcomes"][0]["destination"] == "webhook"
    assert call("actions", "deliver").out == "0 sent\n"
    add_action(outbox, 2, "nowhere")
    lost = call("actions", "deliver")
    assert lost.code == 3
    assert "1 action due for destinations that the configuration does not have" in lost.err


def press_ctrl_c(server: Server, n_times: int) -> Ended:
    """Deliver in a process of its own, and stop it before the first message is answered."""
    processes: list[subprocess.Popen[str]] = []

    def interrupt() -> None:
        for _ in range(n_times):
            processes[0].send_signal(signal.SIGINT)
            time.sleep(0.3)

    server.mishaps = [Mishap(Reply(202), has_it=True, before=interrupt)]
    command = [sys.executable, "-m", "pipelines", "actions", "deliver"]
    path = str(Path(__file__).resolve().parents[3])
    pipe = subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": path}
    processes.append(
        subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)
    )
    out, err = processes[0].communicate(timeout=60)
    return Ended(processes[0].returncode, out, err)


def test_ctrl_c_says_what_is_left(
    call: Call, open_place: Open, outbox: Store, tmp_path: Path
) -> None:
    place = open_place("webhook")
    assert place.server
    write_config(tmp_path, place)
    for number in range(3):
        add_action(outbox, number, "webhook")

    ended = press_ctrl_c(place.server, 1)
    assert (ended.code, ended.out.splitlines()[-1]) == (1, "1 sent, 2 left"), ended.err
    assert "stopped: 1 sent and recorded, 2 left; the same command goes on" in ended.err
    assert "the store is as it was" not in ended.err
    ended = press_ctrl_c(place.server, 2)
    assert ended.code == 1
    assert "stopped at once: 0 sent and recorded, 2 left; of these the message" in ended.err
    assert [row[0] for row in read_actions(outbox, "status")] == ["sent", "pending", "pending"]
    assert call("actions", "deliver").code == 0
    assert len(place.taken) == 3


def test_only_one_delivers_and_a_run_that_holds_the_store_is_waited_for(
    call: Call, open_place: Open, outbox: Store, tmp_path: Path
) -> None:
    place = open_place("csv")
    write_config(tmp_path, place)
    add_action(outbox, 0, "csv")
    for lock in ("delivery", "store"):
        with outbox.lock(1, lock):
            assert call("actions", "deliver", "--lock-timeout", "0.1").code == 4
    assert place.taken == []
    assert call("actions", "deliver").code == 0


def test_a_run_that_takes_the_store_in_the_middle_leaves_the_rest_and_a_summary(
    call: Call,
    open_place: Open,
    outbox: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = open_place("csv", max_per_minute=600)
    write_config(tmp_path, place, hook := open_place("webhook"))
    for number, name in enumerate(("csv", "webhook", "webhook")):
        add_action(outbox, number, name)
    wait = delivering._Pace.wait
    with ExitStack() as held, monkeypatch.context() as patched:

        def wait_while_a_run_begins(pace: Any) -> None:
            wait(pace)
            if hook.server and pace.sent:
                held.enter_context(outbox.lock(1))

        patched.setattr(delivering._Pace, "wait", wait_while_a_run_begins)
        ended = call("actions", "deliver", "--lock-timeout", "0.1")
    assert (ended.code, ended.out.splitlines()[-1]) == (4, "2 sent, 1 left")
    assert "error: another run holds the store" in ended.err
    assert "2 sent and recorded, 1 left; the next deliver sends these" in ended.err
    assert call("actions", "deliver").code == 0
    assert (len(place.taken), len(hook.taken)) == (1, 2)


def test_a_test_message_is_sent_and_changes_nothing(
    call: Call, open_place: Open, outbox: Store, tmp_path: Path
) -> None:
    jira, drop = open_place("jira"), open_place("csv")
    assert jira.server
    write_config(tmp_path, jira, drop)
    assert call("actions", "test", "jira").out == "jira took the test message as CX-1\n"
    assert json.loads(call("actions", "test", "csv", "--json").out)["state"] == "sent"
    jira.server.mishaps = [Mishap(Reply(401, "no"))]
    refused = call("actions", "test", "jira")
    assert refused.code == 1
    assert "error: the destination jira answered 401 (no); nothing else was sent" in refused.err
    assert call("actions", "test", "fax").code == 2
    assert read_actions(outbox, "status") == []


def test_doctor_names_variables_and_asks_nobody(
    open_place: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OLD_SECRET")
    places = [
        open_place("jira"),
        open_place("csv"),
        open_place("webhook", secrets=["${HOOK_SECRET}", "${OLD_SECRET}"]),
    ]
    config = Config.model_validate({"destinations": [place.entry for place in places]})
    found = [*_check_destinations(config.destinations)]
    told = {each.name: (each.state, each.detail) for each in found}
    assert told["destination jira"][0] == "ok"
    assert "TOKEN set; try it with: earful actions test jira" in told["destination jira"][1]
    assert told["destination csv"][1].startswith("csv; needs no variable")
    assert told["destination webhook"] == (
        "error",
        "webhook; not set: OLD_SECRET; set them before delivering",
    )
    assert not any(place.server and place.server.requests for place in places)


def find_secrets(*texts: object) -> set[str]:
    return {name for name, value in VARIABLES.items() if any(value in str(t) for t in texts)}


@pytest.mark.parametrize("kind", [*HTTP_KINDS, "email"])
def test_secrets_are_nowhere_whatever_fails(
    kind: str,
    call: Call,
    open_place: Open,
    outbox: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("EARFUL_TRACEBACK", "1")
    caplog.set_level(logging.DEBUG)
    place = open_place(kind, tries=1, timeout_s=2)
    write_config(tmp_path, place)
    ended: list[Ended] = []
    number = 0

    def try_it(*options: str) -> Ended:
        nonlocal number
        add_action(outbox, number, kind)
        number += 1
        ended.append(call("actions", "deliver", *options))
        return ended[-1]

    # Receivers that give back what they were given.
    echo = TOKEN if kind != "webhook" else VARIABLES["HOOK_SECRET"]
    said = [Reply(400, {"error": echo}), Reply(500, echo)]
    said += [Reply(302, {"errors": [echo]}, {"location": f"/{echo}"})]
    for reply in said:
        if place.server:
            place.server.mishaps = [Mishap(reply)]
        elif place.mail:
            place.mail.answers = {"AUTH": [f"535 {echo}"], "MAIL": [f"550 {echo}"]}
        try_it("--json")
    assert "answered" in ended[0].out or "refused user and password" in ended[0].out
    if place.mail:
        place.mail.answers.clear()
    # A library that says in its error what it was about to send.
    import smtplib

    import httpx2

    def burst(*given: Any, **named: Any) -> None:
        raise RuntimeError(f"{given} {named} {VARIABLES}")

    with monkeypatch.context() as patched:
        patched.setattr(httpx2.Client, "send", burst)
        patched.setattr(smtplib.SMTP, "login", burst)
        burst_end = try_it()
    assert "RuntimeError" in burst_end.out
    # A secret that is none, one that no header can carry, and one that is not set.
    for value in (f"{TOKEN}\nX-More: 1", ""):
        with monkeypatch.context() as patched:
            for name in ("TOKEN", "HOOK_SECRET", "SLACK_URL"):
                patched.setenv(name, value)
            assert try_it().code == 2
    ended += [call("actions", "deliver", "--dry-run", "--json"), call("actions", "retry", "--all")]
    ended += [call("actions", "deliver"), call("actions", "test", kind)]
    assert find_secrets(*ended, caplog.text) == set()
    outbox.engine.dispose()
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert outbox.path in kept
    held = [path.name for path in kept if find_secrets(path.read_bytes().decode("latin-1"))]
    assert held == []
    assert ended[-1].code == 0
    assert ended[-2].code == 0
