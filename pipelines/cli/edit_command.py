"""What all commands that edit themes share: five options, one run, one way to tell of it."""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from pipelines.cli.options import ConfigOption, DbOption, JsonOption, LockOption, open_job

if TYPE_CHECKING:
    from pipelines.edits.commands import EditResult
    from pipelines.edits.requests import EditRequest
    from pipelines.job import Job

Result = TypeVar("Result")
AuthorOption = Annotated[
    str | None,
    typer.Option(
        "--author",
        metavar="NAME",
        help="Who decides; else $EARFUL_USER, else the user of this machine.",
    ),
]
_SHARED = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=option)
    for name, option, default in (
        ("config", ConfigOption, None),
        ("db", DbOption, None),
        ("author", AuthorOption, None),
        ("as_json", JsonOption, False),
        ("lock_timeout", LockOption, 10.0),
    )
]


def make_command(ask: "Callable[..., EditRequest]") -> Callable[..., None]:
    """A command that makes the edit which a function asks for.

    :param ask: its parameters and docstring are those of the command.
    """

    def command(
        *,
        config: Path | None,
        db: str | None,
        author: str | None,
        as_json: bool,
        lock_timeout: float,
        **asked: Any,
    ) -> None:
        from pipelines.edits.commands import make_edit

        request = ask(**asked)

        def edit(job: "Job", by: str) -> "EditResult":
            return make_edit(job, request, by)

        result = run_edit(edit, config, db, author, lock_timeout)
        print_result(result, request, as_json=as_json)

    own = inspect.signature(ask).parameters.values()
    given = [*(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), *_SHARED]
    command.__doc__ = ask.__doc__
    command.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in given}
    return command


def run_edit(
    edit: "Callable[[Job, str], Result]",
    config: Path | None,
    db: str | None,
    author: str | None,
    lock_timeout: float,
) -> Result:
    """Edit with progress on standard error.

    :param edit: given the job and the author.
    """
    from pipelines.users import find_user

    with open_job(config, db, lock_timeout) as job:
        return edit(job, author or find_user())


def print_result(result: "EditResult", request: "EditRequest", *, as_json: bool) -> None:
    """Print what an edit did, and how to take it back."""
    from dataclasses import asdict

    from rich.markup import escape

    from pipelines.cli.show import db_hint, open_console, print_json, show_text

    if as_json:
        print_json(asdict(result))
        return
    hint = db_hint(result.store)
    n = result.n_written
    rows = "row" if n == 1 else "rows"
    rows += (
        " of feedback and mentions" if result.action == "not_noise" else " of themes and mentions"
    )
    console = open_console()
    what = f"{result.action} of {result.theme_id or _count_feedback(result)}; {n:,} {rows} changed"
    if result.n_edits > 1:
        what = f"{result.action} of {result.n_edits:,} edits; {n:,} {rows} changed"
    elif result.action == "fixed":
        what = f"{result.theme_id} is marked as fixed"
    console.print(f"{result.edit_id}: {what}")
    if result.action == "fixed":
        console.print(f"what changed since: earful themes impact {result.theme_id}{hint}")
    for given, taken in _find_followed(result, request):
        console.print(f"{given} was merged into {taken}, so {taken} it is", style="yellow")
    for note in result.notes:
        console.print(escape(note), style="yellow", soft_wrap=True)
    for part in result.payload.get("parts", ()):
        name = show_text(part["name"], 60) or "(goes on)"
        console.print(f"  {part['theme_id']}  {name}: {len(part['mentions']):,} mentions to go by")
    if result.action != "undo":
        console.print(f"take it back with: earful themes undo {result.edit_id}{hint}", style="dim")


def _count_feedback(result: "EditResult") -> str:
    return f"{len(result.payload.get('feedback', ())):,} feedback"


def _find_followed(result: "EditResult", request: "EditRequest") -> Sequence[tuple[str, str]]:
    """Themes that were named but had been merged, and those that were taken for them."""
    if request.action == "move":
        pair = (request.theme_id, result.theme_id)
    elif request.action in ("merge", "group"):
        pair = (request.other_id, result.payload.get("into") or result.payload.get("parent"))
    else:
        return []
    given, taken = pair
    return [(given, taken)] if given and taken and given != taken else []
