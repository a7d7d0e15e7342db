"""``earful customers``: load CRM records, answer probable links, look at keys that are shared."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pipelines.cli.edit_command import AuthorOption, run_edit
from pipelines.cli.options import (
    ConfigOption,
    DbOption,
    JsonOption,
    LockOption,
    ShownOption,
    read_store,
    show_examples,
)

IdsArgument = Annotated[
    list[str], typer.Argument(metavar="ID...", help="From: earful customers review list.")
]


class LoadByDefault(TyperGroup):
    """``earful customers crm.csv`` loads; what is no other command is a path or an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name of the default command before what belongs to it."""
        is_named = bool(args) and args[0] in self.commands
        return super().parse_args(ctx, args if is_named else ["load", *args])


review = typer.Typer(
    no_args_is_help=True,
    help="Links that are probable but not sure: a person accepts or refuses them.",
    epilog=show_examples(
        "earful customers review list",
        "earful customers review accept r0123456789ab",
    ),
)


@review.command("list", epilog=show_examples("earful customers review list -n 50"))
def list_(
    config: ConfigOption = None,
    db: DbOption = None,
    limit: ShownOption = 20,
    as_json: JsonOption = False,
) -> None:
    """List the queue, the surest first. What the two have in common, and the words."""
    from pipelines.cli.show import make_table, open_console, print_json, print_table, show_text
    from pipelines.linking.answers import count_reviews, list_reviews

    with read_store(config, db) as connection:
        found, n_all = list_reviews(connection, limit), count_reviews(connection)
    if as_json:
        print_json(found)
        return
    heads = {"id": "left", "customer": "left", "sure": "right", "in common": "left"}
    table = make_table({**heads, "text": "left"})
    for row in found:
        common = ", ".join(row["evidence"] or ())
        table.add_row(
            row["review_id"],
            show_text(row["customer_id"], 24),
            f"{row['probability']:.2f}",
            common,
            show_text(row["text"], 60),
        )
    print_table(open_console(), f"Probable links: {len(found):,} of {n_all:,}", table)


@review.command("accept", epilog=show_examples("earful customers review accept r0123456789ab"))
def accept(
    review_ids: IdsArgument,
    config: ConfigOption = None,
    db: DbOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Link a feedback to the customer. Every later run keeps to it."""
    _answer("accepted", review_ids, config, db, author, lock_timeout, as_json=as_json)


@review.command("refuse", epilog=show_examples("earful customers review refuse r0123456789ab"))
def refuse(
    review_ids: IdsArgument,
    config: ConfigOption = None,
    db: DbOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Never link a feedback to the customer."""
    _answer("refused", review_ids, config, db, author, lock_timeout, as_json=as_json)


def shared(
    config: ConfigOption = None,
    db: DbOption = None,
    limit: ShownOption = 20,
    as_json: JsonOption = False,
) -> None:
    """List keys that link nobody, since several customers share them."""
    from pipelines.cli.show import make_table, open_console, print_json, print_table
    from pipelines.linking.answers import list_shared_keys

    with read_store(config, db) as connection:
        found = list_shared_keys(connection, limit)
    if as_json:
        print_json(found)
        return
    heads = {"kind": "left", "hash": "left", "customers": "right", "feedback": "right"}
    table = make_table({**heads, "reason": "left"})
    for row in found:
        counts = (f"{row['n_customers']:,}", f"{row['n_feedback']:,}")
        table.add_row(row["key_type"], row["key_hash"][:12], *counts, row["reason"])
    print_table(open_console(), "Keys that several customers share", table)


def _answer(
    answer: str,
    review_ids: list[str],
    config: Path | None,
    db: str | None,
    author: str | None,
    lock_timeout: float,
    *,
    as_json: bool,
) -> None:
    from dataclasses import asdict

    from pipelines.cli.show import open_console, print_json
    from pipelines.linking.answers import answer_reviews

    result = run_edit(
        lambda job, by: answer_reviews(job, review_ids, answer, by),
        config,
        db,
        author,
        lock_timeout,
    )
    if as_json:
        print_json(asdict(result))
        return
    open_console().print(
        f"{result.n_answers:,} {answer}; {result.n_linked:,} rows have another customer now"
    )
