"""Why nothing can be said of a theme: a code and what it names, worded where it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

# In English; the page has them in its languages, as ``unsaid_CODE``.
MEANINGS: Final = {
    "no_rating": "no feedback has a rating that tells {outcome}",
    "no_dated_customer": "no feedback that has a day is linked to a customer; load customers, or "
    "see what could not be linked with: earful status",
    "no_events_after": "no customer with feedback has events that say what came after it",
    "days_open": "only {n} moments are {days} days old, so that it is known who left ({needed} "
    "are needed); wait, or make outcomes.churn_days smaller",
    "voices_few": "only {n} voices can be compared ({needed} are needed)",
    "left_few": "only {n} customers left ({needed} are needed)",
    "stayed_few": "only {n} customers stayed ({needed} are needed)",
    "outcome_constant": "the outcome is the same for everybody",
    "with_few": "too few voices have it ({needed} are needed)",
    "without_few": "too few voices do not have it ({needed} are needed)",
    "themes_many": "{n} voices tell {most} themes apart, and others have more",
    "not_fitted": "the model could not be fitted to these rows",
    "as_held": "it cannot be told apart from what is held equal",
    "as_themes": "it cannot be told apart from {themes}",
    "as_themes_together": "it cannot be told apart from {themes}; together {effect} "
    "({low} to {high})",
    "weeks_before_few": "only {n} weeks before the fix are known ({needed} are needed)",
    "weeks_after_few": "only {n} weeks after the fix are known ({needed} are needed)",
    "before_few": "only {n} voices before the fix ({needed} are needed)",
    "after_few": "only {n} voices are known after the fix ({needed} are needed)",
    "expected_few": "only {n} voices would be expected after the fix ({needed} are needed)",
    "similar_few": "only {n} themes are about as large as it ({needed} are needed)",
    "ran_unlike": "before the fix it ran unlike all themes that it could be compared with",
    "not_said": "nothing that counts is said of this theme",
}
_SIGNED: Final = ("effect", "low", "high")


@dataclass(frozen=True)
class Note:
    """Why nothing can be said.

    :param code: of MEANINGS.
    :param values: what the meaning names: whole numbers, ids of themes, effects.
    """

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return word_note(self.code, self.values)


def word_note(code: str, values: Mapping[str, Any] | None = None) -> str:
    """A note in English; a code of another version as it is."""
    shown = {name: _show(name, value) for name, value in (values or {}).items()}
    return MEANINGS[code].format(**shown) if code in MEANINGS else code


def _show(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if name in _SIGNED:
        return f"{value:+.3g}"
    return f"{value:,}" if isinstance(value, int | float) else str(value)
