"""An occasion: what a rule found, before it is decided whether an action comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from pipelines.actions.rules import Rule

MAX_EVIDENCE: Final = 10
# Why an action is suppressed, with the setting if there is one; what the machine says so, beside
# "by hand: ...".
REASONS: Final = {
    "day_limit": "the rule had raised enough for a day (max_a_day)",
    "customer_limit": "the rule spoke of this customer a few days ago (customer_days)",
    "contact_refused": "the rule contacts the customer, who has not agreed to it",
    "no_customer": "the rule contacts the customer, and it is not known who it is",
    "profiling_refused": "the customer does not want to be profiled",
    "noise": "the feedback does not count: it is noise",
    "muted": "people muted the theme",
    "rule_gone": "the rule, or its destination, is not in the configuration any more",
    "over": "what raised it did not hold any more before it was delivered",
}
BY_HAND: Final = "by hand"
# What a payload says of a rule that contacts the customer and names no channel.
ANY_CHANNEL: Final = "any"
# With these an action waits for the hindrance to go; the others are final.
LIFTED: Final = frozenset(
    {"contact_refused", "no_customer", "profiling_refused", "noise", "muted", "rule_gone", "over"}
)


@dataclass(frozen=True)
class Occasion:
    """What made a rule hold.

    :param what: what it happened with: a feedback, or the first week of a rise.
    :param at: when, to tell what is too old.
    :param facts: figures by name, in the order in which they are told.
    :param hindrance: of REASONS; None where nothing keeps the action back.
    """

    rule: Rule
    what: str
    at: datetime
    title: str
    reason: str
    facts: Mapping[str, Any]
    mentions: tuple[str, ...]
    customer_id: str | None = None
    theme_id: str | None = None
    hindrance: str | None = None

    def hinder(self, reason: str) -> "Occasion":
        """The same, kept back for a reason unless it is for another."""
        return self if self.hindrance else replace(self, hindrance=reason)

    def make_key(self, destination: str) -> str:
        """The idempotency key: equal for the same rule, destination, subject and occasion."""
        subject = self.customer_id if self.rule.kind != "theme" else self.theme_id
        return make_key(self.rule.name, destination, subject, self.what)

    def make_payload(self) -> dict[str, Any]:
        """What is delivered, without words of people."""
        payload = {
            "title": self.title,
            "reason": self.reason,
            "facts": {**self.facts},
            "mentions": list(self.mentions[:MAX_EVIDENCE]),
            "at": f"{self.at:%Y-%m-%dT%H:%M:%SZ}",
            "occasion": self.what,
        }
        if getattr(self.rule, "contacts_customer", False):
            payload["contacts"] = getattr(self.rule, "channel", None) or ANY_CHANNEL
        return payload


def make_key(rule: str, destination: str, subject: str | None, what: str) -> str:
    """A hash: no id of a customer can be read from it."""
    parts = "\x1f".join((rule, destination, subject or "", what))
    return sha256(parts.encode()).hexdigest()[:32]


def make_group_key(
    rule: str, group_by: str, customer_id: str | None, theme_id: str | None, day: datetime
) -> str | None:
    """What actions have in common that are delivered as one message; None for what stands alone."""
    if group_by == "day":
        return f"day {day:%Y-%m-%d} {rule}"
    subject = {"theme": theme_id, "customer": customer_id}.get(group_by)
    return f"{group_by} {subject}" if subject else None
