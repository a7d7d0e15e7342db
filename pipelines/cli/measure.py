"""``earful evaluate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.options import (
    ConfigOption,
    JsonOption,
    load_settings,
    rejected_code,
    show_examples,
)
from pipelines.clock import tell_stopped
from pipelines.evaluation.labels import Task

if TYPE_CHECKING:
    from pipelines.config import Config

_EPILOG = show_examples(
    "earful evaluate labelled.csv --task sentiment --text Comment --label Gold",
    "earful evaluate labelled.xlsx --task sentiment --labels 'bad=negative,good=positive'",
    "earful evaluate langs.csv --task language --text text --label lang --json",
    "earful evaluate comments.csv --task noise --label class",
    "earful evaluate intents.csv --task themes --label intent --noise-label oos",
    "earful evaluate marked.jsonl --task pii --text text --label spans",
    "earful evaluate reviews.csv --task themes",
    "earful evaluate reviews.csv --task themes --sheet 100 --output coding",
    "earful evaluate coding --task themes --sheet-filled",
)


def add_commands(app: typer.Typer) -> None:
    """Add evaluate."""
    stoppable = tell_stopped("an evaluation stores nothing; the same command begins anew")
    app.command("evaluate", epilog=_EPILOG)(stoppable(evaluate))


def evaluate(
    path: Annotated[str, typer.Argument(metavar="FILE", help="Rows, in any format.")],
    task: Annotated[Task, typer.Option("--task", "-t", help="What to score.")],
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
            help="What labels mean: bad=negative,good=positive; bad= leaves rows out.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "-n", min=1, help="Score at most so many rows, drawn at random."),
    ] = None,
    noise_label: Annotated[
        list[str] | None,
        typer.Option(
            "--noise-label",
            metavar="LABEL",
            help="Of themes: the label of rows that have none, such as oos. Repeat it.",
        ),
    ] = None,
    sheet: Annotated[
        int | None,
        typer.Option(
            "--sheet",
            metavar="N",
            min=1,
            help="Of themes: write a coding sheet of N mentions for two people.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where --sheet writes.")
    ] = Path("coding"),
    sheet_filled: Annotated[
        bool,
        typer.Option(
            "--sheet-filled",
            help="FILE is the folder of a coding sheet that was filled in: how far people agree.",
        ),
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score the models on your own labelled rows. 200 are enough to know whether to trust them.

    Themes are also measured without labels: by how far they hold, and by what two people say who
    fill in a coding sheet. Nothing is stored.
    """
    from pipelines.config import read_masking
    from pipelines.evaluation.labelled import Columns
    from pipelines.evaluation.labels import parse_pairs

    _check_options(task, noise_label=noise_label, sheet=sheet, filled=sheet_filled)
    if sheet_filled:
        _score_sheet(path, as_json=as_json)
        return
    settings, _ = load_settings(config, None, opens_store=False)
    asked: dict[str, Any] = {
        "path": path,
        "columns": Columns(text, label, lang),
        "labels": parse_pairs(labels or (), task) if task is not Task.PII else {},
        "limit": limit,
        "masking": read_masking(settings),
    }
    if task is Task.PII:
        _evaluate_pii(asked, as_json=as_json)
        return
    if task is not Task.THEMES:
        _evaluate_rows({"task": task, **asked}, settings, as_json=as_json)
        return
    asked["noise_labels"] = tuple(noise_label or ())
    if sheet is None:
        _evaluate_themes(asked, settings, as_json=as_json)
    else:
        _write_sheet(asked, settings, sheet, output, as_json=as_json)


def _check_options(
    task: Task, *, noise_label: list[str] | None, sheet: int | None, filled: bool
) -> None:
    from pipelines.errors import ConfigError

    given = {"--noise-label": noise_label, "--sheet": sheet, "--sheet-filled": filled}
    used = [name for name, value in given.items() if value]
    if used and task is not Task.THEMES:
        raise ConfigError(f"{' and '.join(used)}: only for --task themes, not for --task {task}")
    if sheet and filled:
        raise ConfigError("--sheet writes a sheet, --sheet-filled reads one; give one of them")


def _evaluate_rows(asked: dict[str, Any], settings: "Config", *, as_json: bool) -> None:
    from dataclasses import asdict

    from pipelines.cli.logged import open_progress
    from pipelines.cli.scores import print_evaluation
    from pipelines.cli.show import print_json
    from pipelines.config import user_cache_dir
    from pipelines.evaluation.models import Request, evaluate_file
    from pipelines.models import Models

    with open_progress() as progress:
        models = Models(settings.models, user_cache_dir())
        found = evaluate_file(Request(**asked), models, progress)
    print_json(asdict(found)) if as_json else print_evaluation(found)
    rejected_code(found.n_unreadable)


def _evaluate_pii(asked: dict[str, Any], *, as_json: bool) -> None:
    from dataclasses import asdict

    from pipelines.cli.pii_scores import print_pii_evaluation
    from pipelines.cli.show import print_json
    from pipelines.evaluation.pii import PiiRequest, evaluate_pii

    names = ("path", "columns", "limit", "masking")
    found = evaluate_pii(PiiRequest(**{name: asked[name] for name in names}))
    print_json(asdict(found)) if as_json else print_pii_evaluation(found)
    rejected_code(found.n_unreadable)


def _evaluate_themes(asked: dict[str, Any], settings: "Config", *, as_json: bool) -> None:
    from dataclasses import asdict

    from pipelines.cli.logged import open_progress
    from pipelines.cli.show import print_json
    from pipelines.cli.theme_scores import print_theme_evaluation
    from pipelines.config import user_cache_dir
    from pipelines.evaluation.theme_texts import ThemeRequest
    from pipelines.evaluation.themes import evaluate_themes
    from pipelines.models import Models

    with open_progress() as progress:
        models = Models(settings.models, user_cache_dir())
        found = evaluate_themes(ThemeRequest(**asked), models, progress)
    print_json(asdict(found)) if as_json else print_theme_evaluation(found)
    rejected_code(found.n_unreadable)


def _write_sheet(
    asked: dict[str, Any], settings: "Config", n: int, folder: Path, *, as_json: bool
) -> None:
    from dataclasses import asdict

    from pipelines.cli.logged import open_progress
    from pipelines.cli.show import print_json
    from pipelines.cli.theme_scores import print_sheet_written
    from pipelines.config import user_cache_dir
    from pipelines.evaluation.coding_sheet import check_folder, write_sheet
    from pipelines.evaluation.theme_texts import ThemeRequest
    from pipelines.evaluation.themes import find_unlabelled
    from pipelines.models import Models

    check_folder(folder)
    with open_progress() as progress:
        models = Models(settings.models, user_cache_dir())
        read, made = find_unlabelled(ThemeRequest(**asked), models, progress)
    written = write_sheet(made, n, folder)
    print_json(asdict(written)) if as_json else print_sheet_written(written)
    rejected_code(read.counts["n_unreadable"])


def _score_sheet(path: str, *, as_json: bool) -> None:
    from dataclasses import asdict

    from pipelines.cli.show import print_json
    from pipelines.cli.theme_scores import print_sheet_scores
    from pipelines.evaluation.coding_scores import score_sheet

    found = score_sheet(Path(path))
    print_json(asdict(found)) if as_json else print_sheet_scores(found)
