"""Themes that people say are fixed, so that it is estimated what changed since."""

from datetime import UTC, datetime

from nlp.themes.edits import Edit
from pipelines.edits.requests import Drafts, EditRequest, refuse_merged, require_theme
from pipelines.errors import ConfigError
from pipelines.selection import parse_first_moment


def prepare_fixed(drafts: Drafts, request: EditRequest) -> Edit:
    """The edit that says since when a theme is fixed.

    :raises ConfigError: when the theme is not there or was merged, or for a day that cannot be.
    """
    theme_id = str(request.theme_id)
    require_theme(theme_id, drafts.decisions.theme_ids)
    refuse_merged(theme_id, drafts.decisions)
    at = read_fixed_at(drafts, "--at", request.text)
    same = [each for each in drafts.decisions.fixed if (each.theme_id, each.at) == (theme_id, at)]
    if same:
        raise ConfigError(
            f"theme {theme_id} is said to be fixed since then already, by {same[0].edit_id}; "
            "nothing was done"
        )
    return Edit("", "fixed", theme_id, text=at)


def read_fixed_at(drafts: Drafts, what: str, given: str) -> str:
    """A day or moment as it stands in the log.

    :param what: the option or column that says it.
    :raises ConfigError: for what is no day, and for one that is to come.
    """
    moment = parse_first_moment(what, given, drafts.zone)
    if moment > datetime.now(UTC):
        raise ConfigError(f"{what} {given!r} is to come; say so when the theme is fixed")
    return moment.isoformat()
