"""``earful actions``: the outbox, what rules raised and what became of it; its delivery."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from pipelines.cli import deliver
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

actions = typer.Typer(
    name="actions",
    no_args_is_help=True,
    help="Look at what rules raised, and deliver it. Nothing is lost silently.",
    epilog=show_examples(
        "earful actions list --status pending",
        "earful actions show 20261122T0612004213f0a1b2c3d4e",
        "earful actions deliver --dry-run",
        "earful actions deliver",
    ),
)


@actions.command(
    "list",
    epilog=show_examples(
        "earful actions list", "earful actions list --status suppressed --rule safety -n 50"
    ),
)
def list_(
    config: ConfigOption = None,
    db: DbOption = None,
    status: Annotated[
        str | None,
        typer.Option(
            "--status", metavar="STATUS", help="Only pending, sent, failed or suppressed ones."
        ),
    ] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", metavar="NAME", help="Only what this rule raised.")
    ] = None,
    limit: ShownOption = 20,
    as_json: JsonOption = False,
) -> None:
    """List actions, the newest first, and count all by rule, status and reason."""
    from pipelines.actions.listing import count_actions, list_actions
    from pipelines.cli.show import print_json

    with read_store(config, db) as connection:
        found = list_actions(connection, status, rule, limit)
        counts = count_actions(connection)
    if as_json:
        print_json({"counts": counts, "actions": found})
    else:
        _print_list(found, counts)


@actions.command("show", epilog=show_examples("earful actions show 20261122T0612004213f0a1b2c3d4e"))
def show(
    action_id: Annotated[str, typer.Argument(metavar="ID", help="From: earful actions list.")],
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one action: why it was raised, and the words behind it that may be quoted."""
    from pipelines.actions.listing import describe_action
    from pipelines.cli.show import print_json

    with read_store(config, db) as connection:
        found = describe_action(connection, action_id)
    print_json(found) if as_json else _print_one(found)


@actions.command(
    "suppress",
    epilog=show_examples(
        'earful actions suppress 20261122T0612004213f0a1b2c3d4e --reason "called already"'
    ),
)
def suppress(
    action_ids: Annotated[
        list[str], typer.Argument(metavar="ID...", help="From: earful actions list.")
    ],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; no words of customers.")
    ],
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Keep actions from being delivered. They stay in the list, with the reason."""
    from pipelines.actions.hand import suppress_actions
    from pipelines.cli.show import open_console, print_json

    with open_job(config, db, lock_timeout) as job:
        n = suppress_actions(job, action_ids, reason)
    if as_json:
        print_json({"n_suppressed": n})
    else:
        open_console().print(f"{n:,} {'action is' if n == 1 else 'actions are'} suppressed")


def _print_list(rows: Sequence[Mapping[str, Any]], counts: Sequence[Mapping[str, Any]]) -> None:
    from pipelines.actions.occasions import REASONS
    from pipelines.cli.show import make_table, open_console, print_table, show_day, show_text

    console = open_console()
    if not counts:
        console.print(
            "no action was raised yet; write [[rules]] into the configuration (examples stand in "
            "configs/default.toml), then: earful run"
        )
        return
    heads = {"action": "id", "raised": "id?", "status": "id", "title": "left", "about": "left"}
    table = make_table({**heads, "rule": "left?", "to": "left?", "why": "left?"})
    for row in rows:
        table.add_row(
            row["action_id"],
            show_day(row["created_at"]),
            row["status"],
            show_text(row["title"], 80),
            _show_about(row),
            row["rule"],
            show_text(row["destination"], 40),
            show_text(row["reason"], 60) or "–",
        )
    print_table(console, f"Actions: {len(rows):,} of {sum(each['n'] for each in counts):,}", table)
    tally = make_table({"rule": "left", "status": "id", "actions": "right", "why": "left"})
    for each in counts:
        why = REASONS.get(each["reason"], each["reason"]) or "–"
        tally.add_row(each["rule"], each["status"], f"{each['n']:,}", show_text(why, 100))
    print_table(console, "All, by rule and status", tally)


def _print_one(found: Mapping[str, Any]) -> None:
    from pipelines.cli.show import (
        make_table,
        open_console,
        print_lines,
        print_table,
        show_day,
        show_text,
    )

    console = open_console()
    console.print(f"\n[bold]{show_text(found['title'], 200)}[/]  {found['action_id']}")
    print_lines(
        console,
        [
            f"raised {show_day(found['created_at'])} by {found['rule']}, to {found['destination']}",
            f"{found['status']}" + (f": {found['reason']}" if found["reason"] else ""),
        ],
        "dim",
    )
    if about := _show_about(found):
        console.print(f"about {about}")
    facts = make_table({"fact": "id", "value": "left"})
    for name, value in found["facts"].items():
        facts.add_row(name, show_text(str(value), 120))
    print_table(console, "Why it was raised", facts)
    if not found["quotes"]:
        return
    quotes = make_table({"mention": "id", "said": "id?", "words": "left"})
    for each in found["quotes"]:
        words = show_text(each["text"], 300) or "[dim](may not be quoted, or is gone)[/]"
        quotes.add_row(each["mention_id"], show_day(each.get("occurred_at")), words)
    print_table(console, "Evidence", quotes)


def _show_about(row: Mapping[str, Any]) -> str:
    from pipelines.cli.show import show_text

    about = [f"{kind} {row[f'{kind}_id']}" for kind in ("customer", "theme") if row[f"{kind}_id"]]
    return show_text(", ".join(about), 80)


deliver.add_commands(actions)
