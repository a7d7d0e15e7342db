"""``earful actions deliver``, ``retry`` and ``test``: what is sent, to whom, and how it ended."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from pipelines.cli.options import (
    ConfigOption,
    DbOption,
    JsonOption,
    LockOption,
    load_settings,
    open_job,
    show_examples,
)
from pipelines.cli.said import say

if TYPE_CHECKING:
    from pipelines.delivery.delivering import Delivered, Outcome, State
    from pipelines.delivery.selecting import Rehearsal, Wanted

_STATES: Final[tuple["State", ...]] = ("sent", "later", "failed")


def add_commands(group: typer.Typer) -> None:
    """Add the commands to ``earful actions``."""
    examples = ("earful actions deliver --dry-run", "earful actions deliver --destination sales")
    group.command("deliver", epilog=show_examples(*examples))(deliver)
    group.command("retry", epilog=show_examples("earful actions retry --all"))(retry)
    group.command("test", epilog=show_examples("earful actions test sales"))(test)


def deliver(
    destination: Annotated[
        list[str] | None,
        typer.Option("--destination", metavar="NAME", help="Only to this one. Repeat it."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="So many messages at most.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent; send and change nothing.")
    ] = False,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Send what is due to its destinations.

    Each message is recorded as soon as it is sent. What is not taken is tried again by a later
    command, and after max_attempts given up. Ctrl-C finishes the message that is under way. Exit
    code 3: some were not taken.
    """
    from pipelines.cli.show import print_json
    from pipelines.delivery.delivering import deliver_actions
    from pipelines.delivery.selecting import Wanted

    wanted = Wanted(tuple(destination or ()), limit)
    if dry_run:
        _rehearse(wanted, config, db, as_json=as_json)
        return
    with open_job(config, db, lock_timeout) as job:
        done = deliver_actions(job, job.folder, wanted)
    print_json(_as_value(done)) if as_json else _print_done(done)
    _warn(done.lost)
    _tell_end(done)
    if done.lost or done.closed or done.count("later") or done.count("failed"):
        raise typer.Exit(3)


def _tell_end(done: "Delivered") -> None:
    """Say why it ended before its end, and with which code, where it did."""
    kept = f"{done.count('sent'):,} sent and recorded, {done.n_left:,} left"
    if done.error:
        say(f"error: {done.error}. {kept}; the next deliver sends these, and nothing twice")
        raise typer.Exit(done.exit_code)
    if done.is_cut_off:
        say(
            f"stopped at once: {kept}; of these the message under way may have arrived, which the "
            "next deliver finds out as far as it can"
        )
        raise typer.Exit(1)
    if done.is_stopped:
        say(f"stopped: {kept}; the same command goes on from there, and sends nothing twice")
        raise typer.Exit(1)


def retry(
    action_ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Actions that failed.")
    ] = None,
    is_all: Annotated[bool, typer.Option("--all", help="All that failed.")] = False,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Put actions back that were given up; the next deliver tries them anew."""
    from pipelines.cli.show import print_json
    from pipelines.delivery.dead_letters import retry_actions

    if bool(action_ids) == is_all:
        raise typer.BadParameter("name actions by their ids, or else give --all")
    with open_job(config, db, lock_timeout) as job:
        found = retry_actions(job, None if is_all else action_ids)
    if as_json:
        print_json({"actions": found})
        return
    noun = "action waits" if len(found) == 1 else "actions wait"
    typer.echo(f"{len(found):,} {noun} again; send with: earful actions deliver")


def test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A destination.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send one test message to a destination. It is a real one: a mail, a ticket, a file."""
    from pipelines.cli.show import print_json
    from pipelines.delivery.selecting import send_test

    settings, folder = load_settings(config, None, opens_store=False)
    receipt = send_test(settings.destinations, name, folder)
    if as_json:
        told = {"reference": receipt.reference, "note": receipt.note}
        print_json({"destination": name, "state": "sent", **told})
        return
    reference = f" as {receipt.reference}" if receipt.reference else ""
    typer.echo(f"{name} took the test message{reference}")
    if receipt.note:
        say(f"warning: {receipt.note}")


def _rehearse(wanted: "Wanted", config: Any, db: str | None, *, as_json: bool) -> None:
    from dataclasses import asdict

    from pipelines.cli.show import print_json
    from pipelines.delivery.selecting import rehearse
    from pipelines.store import open_store

    settings, folder = load_settings(config, db)
    with open_store(settings.store.url).read() as connection:
        found = rehearse(connection, settings.destinations, folder, wanted)
    print_json(asdict(found)) if as_json else _print_rehearsal(found)
    _warn(found.lost)


def _print_rehearsal(found: "Rehearsal") -> None:
    import json

    from pipelines.cli.show import open_console, show_text

    console = open_console()
    for message in found.messages:
        n_actions = _count(len(message["actions"]), "action")
        head = f"{message['destination']} ({message['kind']}), {n_actions}, {message['message_id']}"
        console.print(f"[bold]{show_text(head)}[/]")
        for line in json.dumps(message["content"], ensure_ascii=False, indent=2).splitlines():
            indent = " " * (len(line) - len(line.lstrip()))
            console.print(f"{indent}{show_text(line, 10_000)}", soft_wrap=True)
    n_messages = _count(len(found.messages), "message")
    typer.echo(f"{n_messages} would be sent; nothing was")
    if found.n_suppressed:
        said = _count(found.n_suppressed, "action")
        typer.echo(f"{said} would be suppressed: their customers do not allow it")


def _print_done(done: "Delivered") -> None:
    from pipelines.cli.show import make_table, open_console, print_table, show_text

    if done.outcomes:
        columns = {"destination": "id", "actions": "right", "": "id", "reference or reason": "left"}
        table = make_table(columns)
        for each in done.outcomes:
            told = show_text(_tell(each), 500)
            table.add_row(each.destination, f"{each.n_actions:,}", each.state, told)
        print_table(open_console(), "", table)
    counts: dict[str, int] = {state: done.count(state) for state in _STATES}
    counts |= {"suppressed": done.n_suppressed, "left": done.n_left}
    parts = [f"{n:,} {name}" for name, n in counts.items() if n or name == "sent"]
    typer.echo(", ".join(parts))
    for name, reason in done.closed.items():
        say(f"warning: the destination {name} {reason}; it was not asked any further")


def _tell(outcome: "Outcome") -> str:
    told = [outcome.reference, outcome.reason]
    if outcome.next_attempt_at:
        told.append(f"again from {outcome.next_attempt_at:%Y-%m-%d %H:%M} UTC on")
    return "; ".join(each for each in told if each)


def _as_value(done: "Delivered") -> dict[str, Any]:
    from dataclasses import asdict

    counts = {f"n_{state}": done.count(state) for state in _STATES}
    return {**counts, **asdict(done)}


def _warn(lost: Mapping[str, int]) -> None:
    if lost:
        names = ", ".join(list(lost)[:5])
        say(
            f"warning: {_count(sum(lost.values()), 'action')} due for destinations that the "
            f"configuration does not have ({names}); add [[destinations]] of that name"
        )


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
