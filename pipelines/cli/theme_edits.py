"""``earful themes rename`` and the other commands by which people have their say."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import ConfigOption, DbOption, JsonOption, LockOption, load_settings

if TYPE_CHECKING:
    from pipelines.edit_requests import EditRequest, EditResult

ThemeArgument = Annotated[str, typer.Argument(metavar="ID", help="From: earful themes list.")]
LangOption = Annotated[
    str | None,
    typer.Option("--lang", metavar="CODE", help="Only for this language, such as en."),
]
AuthorOption = Annotated[
    str | None,
    typer.Option("--author", metavar="NAME", help="Who decides; else the user of this machine."),
]

_EXAMPLES = {
    "rename": (
        "earful themes rename t0123456789ab 'Late cards'",
        "earful themes rename t0123456789ab 'كروت متأخرة' --lang ar",
    ),
    "describe": ("earful themes describe t0123456789ab 'Cards that come late or never'",),
    "merge": ("earful themes merge t0123456789ab tba9876543210",),
    "move": ("earful themes move 3f2a-0 77b1-2 --to t0123456789ab",),
    "mute": ("earful themes mute t0123456789ab",),
    "unmute": ("earful themes unmute t0123456789ab",),
    "group": (
        "earful themes group t0123456789ab --under tba9876543210",
        "earful themes group t0123456789ab --alone",
    ),
    "undo": ("earful themes undo", "earful themes undo e000012 --author dana"),
}


def add_commands(app: typer.Typer) -> None:
    """Add the commands that edit themes."""
    for each in (rename, describe, merge, move, mute, unmute, group, undo):
        name = each.__name__
        examples = _EXAMPLES[name]
        title = "Example" if len(examples) == 1 else "Examples"
        app.command(name, epilog="\n\n".join((f"[bold]{title}[/]", *examples)))(each)


def rename(
    theme_id: ThemeArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")],
    lang: LangOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Give a theme a name; it keeps it in every later run."""
    from pipelines.edit_requests import EditRequest

    request = EditRequest("rename", theme_id, text=name, lang=lang)
    _edit(request, config, db, author, lock_timeout, as_json=as_json)


def describe(
    theme_id: ThemeArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="One sentence on what it is about.")],
    lang: LangOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Say what a theme is about."""
    from pipelines.edit_requests import EditRequest

    request = EditRequest("describe", theme_id, text=text, lang=lang)
    _edit(request, config, db, author, lock_timeout, as_json=as_json)


def merge(
    theme_id: ThemeArgument,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The theme that stays.")],
    config: ConfigOption = None,
    db: DbOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Merge a theme into another: its mentions, those to come included, count there."""
    from pipelines.edit_requests import EditRequest

    request = EditRequest("merge", theme_id, other_id=into)
    _edit(request, config, db, author, lock_timeout, as_json=as_json)


def move(
    mention_ids: Annotated[
        list[str],
        typer.Argument(metavar="MENTION_ID", help="From: earful themes show --mentions 20."),
    ],
    to: Annotated[str, typer.Option("--to", metavar="ID", help="The theme they belong to.")],
    config: ConfigOption = None,
    db: DbOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Put mentions into a theme; they stay there until their text is edited."""
    from pipelines.edit_requests import EditRequest

    request = EditRequest("move", to, mention_ids=mention_ids)
    _edit(request, config, db, author, lock_timeout, as_json=as_json)


def mute(
    theme_id: ThemeArgument,
    config: ConfigOption = None,
    db: DbOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Leave a theme out of lists and claims; its mentions stay."""
    from pipelines.edit_requests import EditRequest

    request = EditRequest("mute", theme_id)
    _edit(request, config, db, author, lock_timeout, as_json=as_json)


def unmute(
    theme_id: ThemeArgument,
    config: ConfigOption = None,
    db: DbOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Bring a muted theme back into lists and claims."""
    from pipelines.edit_requests import EditRequest

    request = EditRequest("unmute", theme_id)
    _edit(request, config, db, author, lock_timeout, as_json=as_json)


def group(
    theme_id: ThemeArgument,
    under: Annotated[
        str | None, typer.Option("--under", metavar="ID", help="The theme that leads the group.")
    ] = None,
    alone: Annotated[bool, typer.Option("--alone", help="In no group.")] = False,
    config: ConfigOption = None,
    db: DbOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Put a theme under another, or alone. There are two levels: groups and their themes."""
    from pipelines.edit_requests import EditRequest
    from pipelines.errors import ConfigError

    if alone == (under is not None):
        raise ConfigError("say where the theme belongs: --under ID, or --alone")
    request = EditRequest("group", theme_id, other_id=under)
    _edit(request, config, db, author, lock_timeout, as_json=as_json)


def undo(
    edit_id: Annotated[
        str | None,
        typer.Argument(metavar="[EDIT_ID]", help="From: earful themes history; else the last."),
    ] = None,
    config: ConfigOption = None,
    db: DbOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
    lock_timeout: LockOption = 10.0,
) -> None:
    """Take an edit back, as if it had never been. Undoing an undo brings the edit back."""
    from pipelines.edit_requests import EditRequest

    request = EditRequest("undo", other_id=edit_id)
    _edit(request, config, db, author, lock_timeout, as_json=as_json)


def _edit(
    request: "EditRequest",
    config: Path | None,
    db: str | None,
    author: str | None,
    lock_timeout: float,
    *,
    as_json: bool,
) -> None:
    from dataclasses import asdict

    from pipelines.cli.bars import open_progress
    from pipelines.cli.show import print_json
    from pipelines.config import user_cache_dir
    from pipelines.edit_requests import make_edit
    from pipelines.job import Job

    settings, _ = load_settings(config, db)
    with open_progress() as progress:
        job = Job(settings, user_cache_dir(), lock_timeout, progress=progress)
        result = make_edit(job, request, author or _find_user())
    if as_json:
        print_json(asdict(result))
    else:
        _print_result(result, request)


def _find_user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return "unknown"


def _print_result(result: "EditResult", request: "EditRequest") -> None:
    from pipelines.cli.show import db_hint, open_console

    hint = db_hint(result.store)
    n = result.n_written
    rows = "row of themes and mentions" if n == 1 else "rows of themes and mentions"
    console = open_console()
    console.print(f"{result.edit_id}: {result.action} of {result.theme_id}; {n:,} {rows} changed")
    for given, taken in _find_followed(result, request):
        console.print(f"{given} was merged into {taken}, so {taken} it is", style="yellow")
    if result.action != "undo":
        console.print(f"take it back with: earful themes undo {result.edit_id}{hint}", style="dim")


def _find_followed(result: "EditResult", request: "EditRequest") -> Sequence[tuple[str, str]]:
    """Themes that were named but had been merged, and those that were taken for them."""
    if result.action == "move":
        pair = (request.theme_id, result.theme_id)
    elif result.action in ("merge", "group"):
        pair = (request.other_id, result.payload.get("into") or result.payload.get("parent"))
    else:
        return []
    given, taken = pair
    return [(given, taken)] if given and taken and given != taken else []
