"""How pages are rendered: one environment for all templates, and what a page may load and run."""

import base64
import hashlib
from functools import cache
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from pipelines.report import charts, display
from pipelines.report.cells import feedback_cell, theme_cell
from pipelines.report.tallies import EVERYTHING, FeedbackTally, MentionTally, Slice
from pipelines.report.theme_facts import NEW_THEME_AGE
from pipelines.shares import show_share

MAX_NAME_LENGTH = 160
MAX_QUOTE_LENGTH = 420
# What is further down is folded: 64 themes made a page of 75 screens on a telephone.
MAX_UNFOLDED_THEMES = 3
MAX_UNFOLDED_GROUPS = 3


@cache
def make_environment() -> Environment:
    """Templates with the filters and functions that they use; whatever they show is escaped."""
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(display.read_asset),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=display.show_number,
        score=display.show_score,
        date=display.show_date,
        label=display.show_code,
        language=display.language_name,
        tag=display.language_tag,
        disarm=display.disarm_text,
    )
    environment.globals.update(_template_functions())
    return environment


def _template_functions() -> dict[str, Any]:
    return {
        "share": show_share,
        "dates": display.show_dates,
        "direction": display.direction_of,
        "languages": display.language_names,
        "sparkline": charts.draw_sparkline,
        "feeling": charts.draw_feeling,
        "feedback_cell": feedback_cell,
        "theme_cell": theme_cell,
        "everything": EVERYTHING,
        "a_slice": Slice,
        "no_feedback": FeedbackTally(),
        "no_mentions": MentionTally(),
        "max_name": MAX_NAME_LENGTH,
        "max_quote": MAX_QUOTE_LENGTH,
        "max_themes": MAX_UNFOLDED_THEMES,
        "max_groups": MAX_UNFOLDED_GROUPS,
        "new_theme_days": NEW_THEME_AGE.days,
    }


def make_policy(*assets: str) -> str:
    """A content security policy: these styles and scripts by their hashes, an inline icon.

    :param assets: the styles and scripts, as they stand in the page.
    """
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in assets
    ]
    style, *scripts = hashes
    run = f"script-src {' '.join(scripts)}; " if scripts else ""
    return (
        f"default-src 'none'; style-src {style}; {run}"
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
