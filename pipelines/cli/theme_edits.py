"""``earful themes rename`` and the other commands by which people have their say."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.edit_command import make_command
from pipelines.cli.options import show_examples

if TYPE_CHECKING:
    from pipelines.edits.requests import EditRequest

ThemeArgument = Annotated[str, typer.Argument(metavar="ID", help="From: earful themes list.")]
LangOption = Annotated[
    str | None,
    typer.Option("--lang", metavar="CODE", help="Only for this language, such as en."),
]
SuggestionArgument = Annotated[
    str, typer.Argument(metavar="SUGGESTION", help="From: earful themes suggestions.")
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
    "pin": (
        "earful themes pin 'Late cards' --example 'My card is still not here'",
        "earful themes pin 'Data protection' --keyword GDPR --keyword 'data protection'",
        "earful themes pin 'Late cards' --about 'The card came late or not at all'",
    ),
    "split": (
        "earful themes split t0123456789ab --finer",
        "earful themes split t0123456789ab --example 3f2a-0 --example 77b1-2 --name 'Lost cards'",
    ),
    "fixed": ("earful themes fixed t0123456789ab --at 2026-03-31",),
    "accept": ("earful themes accept s0123456789ab",),
    "refuse": ("earful themes refuse s0123456789ab",),
    "undo": (
        "earful themes undo",
        "earful themes undo e000012 --author dana",
        "earful themes undo e000012-e000020",
    ),
}


def add_commands(app: typer.Typer) -> None:
    """Add the commands that edit themes."""
    for each in (
        rename,
        describe,
        merge,
        move,
        mute,
        unmute,
        group,
        pin,
        split,
        fixed,
        accept,
        refuse,
        undo,
    ):
        name = each.__name__
        app.command(name, epilog=show_examples(*_EXAMPLES[name]))(make_command(each))


def rename(
    theme_id: ThemeArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")],
    lang: LangOption = None,
) -> "EditRequest":
    """Give a theme a name; it keeps it in every later run."""
    return _ask("rename", theme_id, text=name, lang=lang)


def describe(
    theme_id: ThemeArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="One sentence on what it is about.")],
    lang: LangOption = None,
) -> "EditRequest":
    """Say what a theme is about."""
    return _ask("describe", theme_id, text=text, lang=lang)


def merge(
    theme_id: ThemeArgument,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The theme that stays.")],
) -> "EditRequest":
    """Merge a theme into another. Its mentions, those to come included, count there."""
    return _ask("merge", theme_id, other_id=into)


def move(
    mention_ids: Annotated[
        list[str],
        typer.Argument(metavar="MENTION_ID", help="From: earful themes show --mentions 20."),
    ],
    to: Annotated[str, typer.Option("--to", metavar="ID", help="The theme they belong to.")],
) -> "EditRequest":
    """Put mentions into a theme. They stay there until their text is edited."""
    return _ask("move", to, mention_ids=mention_ids)


def mute(theme_id: ThemeArgument) -> "EditRequest":
    """Leave a theme out of lists and claims; its mentions stay."""
    return _ask("mute", theme_id)


def unmute(theme_id: ThemeArgument) -> "EditRequest":
    """Bring a muted theme back into lists and claims."""
    return _ask("unmute", theme_id)


def group(
    theme_id: ThemeArgument,
    under: Annotated[
        str | None, typer.Option("--under", metavar="ID", help="The theme that leads the group.")
    ] = None,
    alone: Annotated[bool, typer.Option("--alone", help="In no group.")] = False,
) -> "EditRequest":
    """Put a theme under another, or alone. There are two levels: groups and their themes."""
    from pipelines.errors import ConfigError

    if alone == (under is not None):
        raise ConfigError("say where the theme belongs: --under ID, or --alone")
    return _ask("group", theme_id, other_id=under)


def pin(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Its name, or that of a theme to pin as it is.")
    ],
    examples: Annotated[
        list[str] | None,
        typer.Option("--example", metavar="TEXT", help="What customers say of it. Repeat it."),
    ] = None,
    keywords: Annotated[
        list[str] | None,
        typer.Option(
            "--keyword", metavar="W", help="Mentions with it belong to the theme. Repeat it."
        ),
    ] = None,
    about: Annotated[
        str, typer.Option("--about", metavar="SENTENCE", help="What it is about, in a sentence.")
    ] = "",
    lang: Annotated[
        str | None, typer.Option("--lang", metavar="CODE", help="Language of name and examples.")
    ] = None,
) -> "EditRequest":
    """Have a theme exist from now on. In every later run, whether or not anything speaks of it.

    Mentions that resemble the examples belong to it; without examples and keywords those that
    resemble the sentence or the name.
    """
    return _ask(
        "pin", text=name, examples=examples or (), keywords=keywords or (), about=about, lang=lang
    )


def split(
    theme_id: ThemeArgument,
    examples: Annotated[
        list[str] | None,
        typer.Option(
            "--example", metavar="MENTION_ID", help="What the new theme is to hold. Repeat it."
        ),
    ] = None,
    is_finer: Annotated[
        bool, typer.Option("--finer", help="Into what is found in it by a closer look.")
    ] = False,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Of the new theme; else one is found.")
    ] = "",
) -> "EditRequest":
    """Take a theme apart; no other is touched. By mentions that are another theme, or --finer.

    What is nearer to these mentions than to the rest becomes a theme of its own.
    """
    from pipelines.errors import ConfigError

    if is_finer == bool(examples):
        raise ConfigError("say how to split the theme: --example MENTION_ID ..., or --finer")
    if is_finer and name:
        raise ConfigError("--name is for the theme that --example makes; rename the others later")
    return _ask("split", theme_id, text=name, mention_ids=examples or ())


def fixed(
    theme_id: ThemeArgument,
    at: Annotated[str, typer.Option("--at", metavar="DATE", help="Since this day or moment.")],
) -> "EditRequest":
    """Say since when a theme is fixed. Every run estimates what changed since.

    Against similar themes at the same time; see it with: earful themes impact ID.
    """
    return _ask("fixed", theme_id, text=at)


def accept(suggestion_id: SuggestionArgument) -> "EditRequest":
    """Merge the themes of a suggestion. Into the pinned one, else into the larger."""
    return _ask("accept", other_id=suggestion_id)


def refuse(suggestion_id: SuggestionArgument) -> "EditRequest":
    """Keep the themes of a suggestion apart. It is never made again."""
    return _ask("refuse", other_id=suggestion_id)


def undo(
    edit_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[EDIT_ID]",
            help="From: earful themes history, or first-last of several; else the last.",
        ),
    ] = None,
) -> "EditRequest":
    """Take an edit back, as if it had never been. Undoing an undo brings the edit back."""
    return _ask("undo", other_id=edit_id)


def _ask(action: str, theme_id: str | None = None, **asked: Any) -> "EditRequest":
    from pipelines.edits.requests import EditRequest

    return EditRequest(action, theme_id, **asked)
