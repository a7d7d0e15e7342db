"""``earful forget``, ``export-customer``, ``purge`` and ``audit``."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.consent import (
    CustomerOption,
    EmailOption,
    HandleOption,
    PhoneOption,
    ask_who,
)
from pipelines.cli.options import (
    ConfigOption,
    DbOption,
    JsonOption,
    LockOption,
    ShownOption,
    open_job,
    read_store,
    show_examples,
)
from pipelines.cli.said import say

if TYPE_CHECKING:
    from pipelines.rights.forgetting import Receipt
    from pipelines.rights.purging import Purged


def add_commands(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "forget",
        epilog=show_examples(
            "earful forget --customer C017", "earful forget --email -", "earful forget --resume"
        ),
    )(forget)
    app.command(
        "export-customer",
        epilog=show_examples("earful export-customer --customer C017 -o C017.html"),
    )(export_customer)
    app.command(
        "purge",
        epilog=show_examples(
            "earful purge --older-than 2y --dry-run", "earful purge --older-than 2y"
        ),
    )(purge)
    app.command("audit", epilog=show_examples("earful audit -n 50"))(audit)


def forget(
    customer: CustomerOption = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    handle: HandleOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Only finish what an earlier request left to do.")
    ] = False,
    leave_synced: Annotated[
        bool,
        typer.Option(
            "--leave-synced",
            help="Erase them here though a destination of earful sync still holds their row.",
        ),
    ] = False,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Erase a person everywhere; they do not come in again.

    Their words, keys, rows, quotes and what was made of them; themes are counted anew, known
    reports written anew; what earful sync sent is taken back first. A receipt stays. Where nobody
    is found, it says so.
    """
    from dataclasses import asdict

    from pipelines.cli.show import print_json
    from pipelines.rights.forgetting import forget_person, resume_erasures

    with open_job(config, db, lock_timeout) as job:
        if resume:
            receipts = resume_erasures(job)
        else:
            who = ask_who(customer, email, phone, handle)
            receipts = [forget_person(job, who, leaves_synced=leave_synced)]
    if as_json:
        print_json([asdict(each) for each in receipts])
    else:
        for each in receipts:
            _print_receipt(each)
        if not receipts:
            typer.echo("no request is open")
    if any(each.problems for each in receipts):
        raise typer.Exit(1)


def export_customer(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="Ends in .html or .json."),
    ] = Path("customer.html"),
    customer: CustomerOption = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    handle: HandleOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Write everything that is held about a person. And what their words led to."""
    from dataclasses import asdict

    from pipelines.cli.show import print_json
    from pipelines.rights.export import export_person

    with open_job(config, db, lock_timeout) as job:
        done = export_person(job, ask_who(customer, email, phone, handle), output)
    if as_json:
        print_json(asdict(done) if done else {"file": None})
    elif done is None:
        typer.echo("nobody is known by that; nothing was written")
    else:
        total = sum(done.n_rows.values())
        typer.echo(f"wrote {total:,} rows to {done.file}; only you can read it")
        if not done.is_recorded:
            warn_unrecorded(done.file)


def purge(
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="AGE", help="90d, 12w, 18m or 2y.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Delete feedback and events that are older than an age. They do not come in again."""
    from dataclasses import asdict

    from pipelines.cli.show import print_json
    from pipelines.rights.purging import purge_store

    with open_job(config, db, lock_timeout) as job:
        done = purge_store(job, older_than, is_dry=dry_run)
    print_json(asdict(done)) if as_json else _print_purged(done)
    if done.problems:
        raise typer.Exit(1)


def audit(
    config: ConfigOption = None,
    db: DbOption = None,
    limit: ShownOption = 20,
    as_json: JsonOption = False,
) -> None:
    """List who ran what about customers' rights. All of its counts with --json."""
    from rich.markup import escape

    from pipelines.cli.show import make_table, open_console, print_json, print_table
    from pipelines.rights.audit import list_audit

    with read_store(config, db) as connection:
        rows = list_audit(connection, limit)
    if as_json:
        print_json(rows)
        return
    table = make_table(
        {"at": "id", "who": "left", "command": "id", "asked": "left", "came": "left"}
    )
    for row in rows:
        told = (escape(_tell(row[name])) for name in ("arguments", "result"))
        table.add_row(f"{row['at']:%Y-%m-%d %H:%M}", escape(row["who"]), row["command"], *told)
    print_table(open_console(), "", table)


def _tell(values: Mapping[str, Any]) -> str:
    """Arguments or a result in a few words: what is none is left out, rows are added up."""
    parts = []
    for name, value in values.items():
        word = name.removeprefix("n_").replace("_", " ")
        if name == "counts":
            parts.append(f"{sum(value.values()):,} rows of {len(value):,} tables")
        elif isinstance(value, Mapping):
            parts.append(_tell(value))
        elif isinstance(value, bool):
            parts.append(word if value else f"not {word}")
        elif value:
            parts.append(f"{word} {value:,}" if isinstance(value, int) else f"{word} {value}")
    return ", ".join(filter(None, parts))


def warn_unrecorded(file: object) -> None:
    """Say that an erasure will not reach a file."""
    say(
        f"{file} is not recorded, as the store is held by a run or cannot be written: an erasure "
        "will not reach it. Write it again later",
        "warning",
    )


def _print_receipt(receipt: "Receipt") -> None:
    if receipt.request_id is None:
        was = "; a person of that name was erased before" if receipt.was_erased else ""
        typer.echo(f"nobody is known by that{was}; nothing was erased")
        return
    typer.echo(f"erased (request {receipt.request_id}): {_list(receipt.counts)}")
    if receipt.n_shared:
        typer.echo(
            f"keys that are others' too: {receipt.n_shared:,}. Feedback known by such a key alone "
            "stays, and none of them is blocked"
        )
    for problem in receipt.problems:
        say(f"not finished: {problem}", "warning")
    if receipt.digest:
        typer.echo(f"no trace was found; receipt {receipt.digest[:16]}")


def _print_purged(done: "Purged") -> None:
    verb = "would go" if done.is_dry else "gone"
    counted = _list(done.counts) or "nothing"
    typer.echo(f"from before {done.before:%Y-%m-%d}, {verb}: {counted}")
    for problem in done.problems:
        say(f"not finished: {problem}", "warning")


def _list(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items() if n)
