"""``earful story``: what the tables say in words, each sentence with its evidence."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import ConfigOption, DbOption, JsonOption, load_settings, show_examples
from pipelines.cli.said import say

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from pipelines.config import Config
    from pipelines.store import Store
    from pipelines.stories.sentences import Story
    from pipelines.stories.telling import Drafted


class Kind(StrEnum):
    """What a story can be about."""

    store = "store"
    theme = "theme"
    segment = "segment"
    customer = "customer"


def add_commands(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "story",
        epilog=show_examples(
            "earful story store",
            "earful story theme t0123456789ab --lang he",
            "earful story segment gold --json",
        ),
    )(story)


def story(
    kind: Annotated[Kind, typer.Argument(help="What it is about.")],
    subject: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Id of the theme or customer, name of the segment."),
    ] = None,
    lang: Annotated[
        str, typer.Option("--lang", help="Language: en, he, ar or fa; of others you get English.")
    ] = "en",
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell in words what the tables say. With --json, each sentence with its evidence."""
    from nlp.stories.languages import name_language
    from pipelines.cli.show import print_json
    from pipelines.store import open_store
    from pipelines.stories.sentences import describe_story

    settings, folder = load_settings(config, db)
    store = open_store(settings.store.url)
    with store.read() as connection:
        drafted = _draft(connection, kind, subject, settings.anonymity.min_customers)
    told = drafted.word(lang)
    if settings.stories.url is not None:
        told = _word(store, told, settings, folder)
    if told.lang != name_language(lang):
        say(f"no stories are told in {lang!r}: this one is in English")
    print_json(describe_story(told)) if as_json else _print(told)


def _word(store: "Store", told: "Story", settings: "Config", folder: Path) -> "Story":
    from pipelines.cli.logged import open_progress
    from pipelines.stories.language_model import LanguageModel
    from pipelines.stories.wordings import word_story

    model = LanguageModel(settings.stories, folder)
    with open_progress() as progress:
        found = word_story(store, told, model, progress)
    if found.refused:
        reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(found.refused.items()))
        say(
            f"{found.n_told} sentences are in the words of {model.name}; what else it said is not "
            f"borne out by the facts ({reasons})"
        )
    return found.story


def _draft(connection: "Connection", kind: Kind, subject: str | None, k: int) -> "Drafted":
    from pipelines.errors import ConfigError
    from pipelines.stories import telling

    if (subject is None) != (kind is Kind.store):
        wanted = "needs no ID" if kind is Kind.store else f"needs the {_NAMED[kind]} of the {kind}"
        raise ConfigError(f"earful story {kind} {wanted}")
    if kind is Kind.store or subject is None:
        return telling.draft_store_story(connection, k)
    if kind is Kind.customer:
        return telling.draft_customer_story(connection, subject)
    if kind is Kind.segment:
        return telling.draft_segment_story(connection, subject, k)
    return telling.draft_theme_story(connection, subject, k)


_NAMED = {Kind.theme: "id", Kind.customer: "id", Kind.segment: "name"}


def _print(told: "Story") -> None:
    """Print a story; what people wrote in it was made safe when it was worded."""
    from rich.markup import escape

    from pipelines.cli.show import open_console

    console = open_console()
    if not told.sentences:
        console.print("nothing that counts is in the store yet; fill it with: earful run PATH")
        return
    if told.title:
        console.print(f"[bold]{escape(told.title)}[/]")
    for paragraph in told.paragraphs:
        console.print(escape(" ".join(each.text for each in paragraph)))
    for said in told.quotes:
        console.print(f"  {escape(said.text)}")
