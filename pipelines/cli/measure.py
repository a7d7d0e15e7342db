"""``earful evaluate``."""

from typing import Annotated

import typer

from pipelines.cli.options import ConfigOption, JsonOption, load_settings, rejected_code
from pipelines.labels import Task

_EPILOG = (
    "[bold]Examples[/]\n\n"
    "  earful evaluate labelled.csv --task sentiment --text Comment --label Gold\n\n"
    "  earful evaluate labelled.xlsx --task sentiment --labels 'bad=negative,good=positive'\n\n"
    "  earful evaluate langs.csv --task language --text text --label lang --json"
)


def add_commands(app: typer.Typer) -> None:
    """Add evaluate."""
    app.command("evaluate", epilog=_EPILOG)(evaluate)


def evaluate(
    path: Annotated[str, typer.Argument(metavar="FILE", help="Labelled rows, in any format.")],
    task: Annotated[Task, typer.Option("--task", "-t", help="What the labels say.")],
    text: Annotated[
        str | None, typer.Option("--text", metavar="COLUMN", help="Column of texts.")
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="COLUMN", help="Column of true answers.")
    ] = None,
    lang: Annotated[
        str | None,
        typer.Option("--lang", metavar="COLUMN", help="Column of languages, to group by."),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--labels",
            metavar="LABEL=MEANING,...",
            help="What labels mean: bad=negative,good=positive; nothing leaves rows out.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "-n", min=1, help="Score at most so many rows, drawn at random."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score the models on your own labelled rows: 200 are enough to know whether to trust them.

    Nothing is stored.
    """
    from dataclasses import asdict

    from pipelines.cli.bars import open_progress
    from pipelines.cli.scores import print_evaluation
    from pipelines.cli.show import print_json
    from pipelines.config import user_cache_dir
    from pipelines.evaluate import Request, evaluate_file
    from pipelines.labelled import Columns
    from pipelines.labels import parse_pairs
    from pipelines.models import Models

    settings, _ = load_settings(config, None)
    request = Request(
        path=path,
        task=task,
        columns=Columns(text, label, lang),
        labels=parse_pairs(labels or (), task),
        limit=limit,
        region=settings.text.region,
    )
    with open_progress() as progress:
        models = Models(settings.models, user_cache_dir())
        found = evaluate_file(request, models, progress)
    if as_json:
        print_json(asdict(found))
    else:
        print_evaluation(found)
    rejected_code(found.n_unreadable)
