"""How pages are rendered: one environment for all templates, and what a page may load and run."""

import base64
import hashlib
from functools import cache

from jinja2 import Environment, FunctionLoader, StrictUndefined

from pipelines.report import display
from pipelines.shares import show_share


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
    environment.globals.update(
        share=show_share, dates=display.show_dates, direction=display.direction_of
    )
    return environment


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
