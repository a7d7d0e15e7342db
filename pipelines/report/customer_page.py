"""The page of one customer: all that is known, for whoever is about to talk to them."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup
from sqlalchemy import Connection

from pipelines.actions.occasions import BY_HAND, REASONS
from pipelines.errors import InputError
from pipelines.profiles import Profile, Row, read_profile
from pipelines.replacing import replace_file
from pipelines.report import display
from pipelines.report.rendering import make_environment, make_policy

MAX_MOMENTS = 300
_PURPOSES = {
    "contact": ("may be contacted", "must not be contacted: no consent"),
    "quoting": ("may be quoted", "must not be quoted"),
    "analysis": ("counts in themes", "counts in no theme"),
}
_METHODS = {
    "model": "by a model fitted to who left",
    "points": "in points: too few outcomes are known for a model",
    "left": "left already",
}
_NOTES = {
    "model": "the chance that a model, fitted to customers of whom it is known whether they left, "
    "gives. The numbers beside the reasons are their shares of the log-odds; reasons above zero "
    "raise the risk.",
    "points": "points for known signs, for too few customers are known to have left or stayed.",
    "left": "the events say that they left.",
}
_RULE = re.compile(r"(.*) \(rule: (\w+)\)")
_NEVER = datetime.min.replace(tzinfo=UTC)
_SUBJECT = re.compile(r'<html [^>]*data-customer="([^"]*)" data-as-of="([^"]*)"')


def write_customer_page(
    connection: Connection, path: Path, customer_id: str, at: datetime | None = None
) -> Profile:
    """Write the page of a customer, which only its owner can read.

    :param at: as of a past moment; None for what is published now.
    :raises NoProfileError: when there is no such customer, or they allow no profile.
    :raises InputError: when the file cannot be written.
    """
    profile = read_profile(connection, customer_id, at, MAX_MOMENTS)
    try:
        replace_file(path, render_customer(profile).encode(), is_private=True)
    except OSError as error:
        raise InputError(
            f"the page could not be written to {path}: {error.strerror}; name another file with: "
            f"earful customers show {customer_id} -o FILE"
        ) from error
    return profile


def read_subject(path: Path) -> tuple[str, datetime | None]:
    """Of whom a page is, and as of when.

    :raises InputError: when the file is no such page.
    """
    found = _SUBJECT.search(path.read_text("utf-8"))
    if found is None:
        raise InputError(f"{path} is no page of a customer")
    customer_id, at = map(html.unescape, found.groups())
    return customer_id, datetime.fromisoformat(at) if at else None


def render_customer(profile: Profile) -> str:
    """Render the page; the same profile gives the same bytes."""
    style = display.read_asset("report.css") + display.read_asset("customer.css")
    method = profile.insight["risk_method"] if profile.insight else None
    return (
        make_environment()
        .get_template("customer.html")
        .render(
            profile=profile,
            style=Markup(style),  # noqa: S704 - our own file
            policy=make_policy(style),
            permissions=list(_list_permissions(profile)),
            risk_methods=_METHODS,
            risk_note=_NOTES[method or "points"],
            moments=sorted(_list_moments(profile), key=_take_moment, reverse=True),
            declared=list(_show_declared(profile.record)),
            counted=list(_show_counted(profile.facts)),
            feeling=_name_feeling,
            next_action=_part_rule(profile.insight),
            **display.read_words("customer_words.json"),
            tell_reason=_tell_reason,
        )
    )


def _list_permissions(profile: Profile) -> Iterator[tuple[bool, str]]:
    """What may be done, and what not, in words; ways of contact that differ stand first."""
    for channel, is_allowed in profile.channels.items():
        way = f"be contacted by {display.disarm_text(channel, 40)}"
        yield is_allowed, f"may {way}" if is_allowed else f"must not {way}"
    for purpose, (yes, no) in _PURPOSES.items():
        is_allowed = profile.allowed[purpose]
        said = yes if is_allowed else no
        is_rest = purpose == "contact" and profile.channels
        yield is_allowed, f"{said.partition(':')[0]} in other ways" if is_rest else said


def _part_rule(insight: Row | None) -> tuple[str, str] | None:
    """What to do next, and the name of the rule that says so."""
    said = insight["next_action"] if insight else None
    if not said:
        return None
    found = _RULE.fullmatch(said)
    return (found[1], found[2]) if found else (said, "")


def _tell_reason(action: Row) -> str:
    """Why an action is in its state, in words where a code says it."""
    reason = action["reason"] or ""
    if action["status"] != "suppressed":
        return str(reason)
    known = REASONS.get(reason, "").partition(" (")[0]
    return known or str(reason).removeprefix(f"{BY_HAND}: ")


def _list_moments(profile: Profile) -> Iterator[tuple[datetime | None, str, Row]]:
    for each in profile.feedback:
        yield each["occurred_at"], "feedback", each
    for each in profile.events:
        yield each["at"], "event", each


def _take_moment(each: tuple[datetime | None, str, Row]) -> datetime:
    return each[0] or _NEVER


def _show_declared(record: Row) -> Iterator[tuple[str, str]]:
    for name, value in sorted((record["attributes"] or {}).items()):
        yield display.show_code(str(name)), str(value)


def _show_counted(facts: Row | None) -> Iterator[tuple[str, str]]:
    if facts is None:
        return
    if facts["churned_at"]:
        yield "Left", display.show_date(facts["churned_at"])
    yield "Orders", _number(facts["n_orders"])
    yield "Orders in a year", _number(facts["frequency"])
    if facts["n_open_orders"] is not None:
        yield "Open orders", _number(facts["n_open_orders"])
    yield "Last order", display.show_date(facts["last_order_at"])
    yield "Tickets in 90 days", _number(facts["n_tickets_90"])
    names = {"spend": "Spent in all", "spend_year": "Spent in a year", "balance": "Balance"}
    for name, shown in names.items():
        if facts[name]:
            yield shown, ", ".join(_money(amount, unit) for unit, amount in facts[name].items())


def _number(value: int | None) -> str:
    return "–" if value is None else display.show_number(value)


def _money(amount: float, unit: str) -> str:
    shown = f"{amount:,.2f}".replace("-", "−")
    return shown if unit == "?" else f"{shown} {display.disarm_text(unit, 12)}"


def _name_feeling(score: float | None) -> str:
    if score is None or abs(score) <= 0.05:
        return ""
    return "negative" if score < 0 else "positive"
