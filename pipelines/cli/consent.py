"""``earful consent``: what customers allow, recorded and shown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.options import (
    ConfigOption,
    DbOption,
    JsonOption,
    LockOption,
    ShownOption,
    load_settings,
    make_job,
    show_examples,
)
from pipelines.cli.said import say

if TYPE_CHECKING:
    from pipelines.rights.consents import Recorded, Statement

app = typer.Typer(
    no_args_is_help=True,
    help="Record and show what customers allow. What is withdrawn holds at once.",
    epilog=show_examples(
        "earful consent withdraw --customer C017 --purpose quoting",
        "earful consent grant --email - --purpose contact --channel email --expires 2027-12-31",
        "earful consent load consents.csv",
        "earful consent show --customer C017",
    ),
)

CustomerOption = Annotated[
    str | None, typer.Option("--customer", metavar="ID", help="Their id; - asks for it.")
]
EmailOption = Annotated[
    str | None,
    typer.Option("--email", metavar="ADDRESS", help="Their e-mail; - asks for it."),
]
PhoneOption = Annotated[
    str | None, typer.Option("--phone", metavar="NUMBER", help="Their phone; - asks for it.")
]
HandleOption = Annotated[
    str | None, typer.Option("--handle", metavar="NAME", help="Their handle; - asks for it.")
]
PurposeOption = Annotated[
    str,
    typer.Option(
        "--purpose",
        metavar="NAME",
        help="analysis, quoting, contact, profiling or all.",
    ),
]
ChannelOption = Annotated[
    str | None, typer.Option("--channel", metavar="NAME", help="Only for this channel.")
]
SaidOption = Annotated[
    str | None, typer.Option("--source", metavar="NAME", help="Who said so: a form, a letter.")
]
AtOption = Annotated[
    str | None, typer.Option("--at", metavar="DATE", help="When it was said; else now.")
]
ExpiresOption = Annotated[
    str | None, typer.Option("--expires", metavar="DATE", help="Until when it holds.")
]


def ask_who(customer: str | None, email: str | None, phone: str | None, handle: str | None) -> Any:
    """The person that the options name; what is given as - is asked for, and stays out of sight."""
    from pipelines.rights.people import Asked

    given = {"customer": customer, "email": email, "phone": phone, "handle": handle}
    hidden = {
        kind: typer.prompt(kind, hide_input=True, err=True) if value == "-" else value
        for kind, value in given.items()
    }
    return Asked(**hidden)


@app.command(
    "grant", epilog=show_examples("earful consent grant --customer C017 --purpose contact")
)
def grant(
    purpose: PurposeOption,
    customer: CustomerOption = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    handle: HandleOption = None,
    channel: ChannelOption = None,
    source: SaidOption = None,
    at: AtOption = None,
    expires: ExpiresOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Record that a customer allows something."""
    who = ask_who(customer, email, phone, handle)
    terms = (purpose, "granted", channel, source, at, expires)
    _record(_Given(who, terms), config, db, lock_timeout, as_json=as_json)


@app.command(
    "withdraw", epilog=show_examples("earful consent withdraw --customer C017 --purpose all")
)
def withdraw(
    purpose: PurposeOption,
    customer: CustomerOption = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    handle: HandleOption = None,
    channel: ChannelOption = None,
    source: SaidOption = None,
    at: AtOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Record that a customer does not allow something any more. Takes back what was published."""
    who = ask_who(customer, email, phone, handle)
    terms = (purpose, "withdrawn", channel, source, at, None)
    _record(_Given(who, terms), config, db, lock_timeout, as_json=as_json)


@app.command("load", epilog=show_examples("earful consent load consents.csv"))
def load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV in UTF-8.")],
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Record what a CSV file says.

    Columns: one of customer, email, phone, handle; purpose, status (granted or withdrawn); and if
    wanted channel, source, at, expires. Rows that are there already are not written again.
    """
    from pipelines.rights.consents import read_statements

    settings, _ = load_settings(config, db)
    statements = read_statements(file, settings.text.timezone)
    _run(statements, "file", config, db, lock_timeout, as_json=as_json)


@app.command("list", epilog=show_examples("earful consent list -n 50"))
def list_(
    config: ConfigOption = None,
    db: DbOption = None,
    limit: ShownOption = 20,
    as_json: JsonOption = False,
) -> None:
    """List what customers said, the newest first, and where. And the policy for the others."""
    from pipelines.cli.show import print_json
    from pipelines.rights.consent_counts import count_consents
    from pipelines.rights.consents import list_consents
    from pipelines.rights.purposes import read_policy
    from pipelines.store import open_store

    settings, _ = load_settings(config, db)
    with open_store(settings.store.url).read() as connection:
        rows = list_consents(connection, limit)
        policy, counts = read_policy(connection), count_consents(connection)
    if as_json:
        print_json({"policy": policy, "counts": counts, "rows": rows})
        return
    _print_rows(rows)
    modes = ", ".join(f"{purpose} {mode}" for purpose, mode in policy.items())
    typer.echo(f"without a row: {modes}")


@app.command("show", epilog=show_examples("earful consent show --email -"))
def show(
    customer: CustomerOption = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    handle: HandleOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what one customer said, when and where. The newest counts."""
    from pipelines.cli.show import print_json
    from pipelines.config import user_secret_path
    from pipelines.rights.consents import list_consents
    from pipelines.rights.people import hash_asked
    from pipelines.secret import load_secret
    from pipelines.store import open_store

    settings, _ = load_settings(config, db)
    who = ask_who(customer, email, phone, handle)
    key = hash_asked(who, load_secret(user_secret_path()), settings.text.region)
    with open_store(settings.store.url).read() as connection:
        rows = list_consents(connection, 1_000, key, who.customer)
    print_json(rows) if as_json else _print_rows(rows)


class _Given:
    """What grant and withdraw were given; dates are read once the zone is known."""

    def __init__(self, who: Any, terms: tuple[Any, ...]) -> None:
        self.who = who
        self.terms = terms

    def state(self, timezone: str) -> "Statement":
        from zoneinfo import ZoneInfo

        from pipelines.rights.consents import Statement, parse_date

        purpose, status, channel, source, at, expires = self.terms
        zone = ZoneInfo(timezone)
        dates = parse_date(at, zone), parse_date(expires, zone)
        return Statement(self.who, purpose.casefold(), status, channel, source, *dates)


def _record(
    given: _Given, config: Path | None, db: str | None, lock_timeout: float, *, as_json: bool
) -> None:
    settings, _ = load_settings(config, db)
    statements = [given.state(settings.text.timezone)]
    _run(statements, "option", config, db, lock_timeout, as_json=as_json)


def _run(
    statements: "Sequence[Statement]",
    origin: str,
    config: Path | None,
    db: str | None,
    lock_timeout: float,
    *,
    as_json: bool,
) -> None:
    from dataclasses import asdict

    from pipelines.cli.logged import open_progress
    from pipelines.cli.show import print_json
    from pipelines.rights.consents import record_statements

    with open_progress() as progress:
        job = make_job(config, db, lock_timeout, progress)
        done = record_statements(job, statements, origin)
    if as_json:
        print_json(asdict(done))
    else:
        _print_done(done)
        if done.n_waiting:
            typer.echo(_describe_waiting(statements, done.n_waiting))
    if done.problems:
        raise typer.Exit(1)


def _print_done(done: "Recorded") -> None:
    said = f"recorded {done.n_rows:,} {'row' if done.n_rows == 1 else 'rows'} of consent"
    changed = "row" if done.n_changed == 1 else "rows"
    typer.echo(f"{said}; {done.n_changed:,} {changed} of feedback and customers changed with it")
    if done.n_blocked:
        typer.echo(f"not stored, since of erased persons: {done.n_blocked:,}")
    if done.unknown_channels:
        unknown = ", ".join(map(repr, done.unknown_channels))
        known = ", ".join(done.known_channels)
        typer.secho(
            f"nothing else has the channel {unknown} (there are: {known}); what was recorded holds "
            "for nothing until something has. If it was a slip, record it again with the right one",
            err=True,
            fg="yellow",
        )
    for problem in done.problems:
        say(problem, "warning")


def _name_place(row: Mapping[str, Any]) -> str:
    """Where it was said: in a file's column, or to somebody who recorded it."""
    if row["feedback_id"]:
        return f"feedback {row['feedback_id']}"
    told = {
        "customers": "a file of customers",
        "events": "a file of events",
        "feedback": "a row without feedback",
        "consent": "earful consent",
    }
    return told.get(row["via"], "–")


def _describe_waiting(statements: "Sequence[Statement]", n_waiting: int) -> str:
    """Say that nobody is known by a name yet, and how to check."""
    if len(statements) > 1:
        one = n_waiting == 1
        return (
            f"{n_waiting:,} of {len(statements):,} {'is' if one else 'are'} of people who are not "
            f"known yet; {'it waits and holds' if one else 'they wait and hold'} once these come "
            "in. Whether an id is known: earful customers show ID"
        )
    who = statements[0].who
    option = "customer" if who.customer else who.kind
    # A contact is not repeated: it would stand in a log.
    named = who.customer or "-"
    known = f"; whether the id is right: earful customers show {named}" if who.customer else ""
    return (
        f"nobody is known by that {'id' if who.customer else option} yet: what you recorded waits, "
        "and holds once they come in. Check it for slips; what is recorded: "
        f"earful consent show --{option} {named}{known}"
    )


def _print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.markup import escape

    from pipelines.cli.show import make_table, open_console, print_table, show_day

    console = open_console()
    if not rows:
        console.print("nothing was said")
        return
    heads = {"at": "id", "customer": "left", "purpose": "id", "channel": "id", "status": "id"}
    table = make_table({**heads, "expires": "id?", "source": "left", "said in": "left"})
    for row in rows:
        table.add_row(
            show_day(row["at"]),
            escape(row["customer_id"] or (f"by {row['key_type']}" if row["key_type"] else "–")),
            row["purpose"],
            escape(row["channel"] or "all"),
            row["status"].replace("_", " "),
            show_day(row["expires_at"]),
            escape(row["source"] or "–"),
            _name_place(row),
        )
    print_table(console, "", table)
