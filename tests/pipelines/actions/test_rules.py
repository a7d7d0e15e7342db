"""What the configuration may say of rules, and when one about a customer holds."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.actions.customers import CustomerState, explain_customer
from pipelines.actions.rules import CustomerRule, dump_rules, load_rules
from pipelines.config import check_config
from pipelines.errors import ConfigError
from tests.pipelines.actions.outbox import DESTINATIONS, DETRACTOR, RISING, SAFETY, make_rules

CASES = Path(__file__).parents[2] / "cases" / "action_rules.jsonl"


def test_a_rule_about_customers_holds_when_all_its_conditions_do() -> None:
    for line in CASES.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        rule = CustomerRule(name="r", kind="customer", deliver_to=("crm",), **case["rule"])
        facts = explain_customer(rule, CustomerState(**case["state"]))
        assert facts == case["facts"], line
        assert facts is None or list(facts) == list(case["facts"]), line


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            [{**SAFETY, "deliver_to": ["pager"]}],
            "'pager', which is no destination (there are: chat",
        ),
        ([SAFETY, SAFETY], "two rules are called safety"),
        ([{**DETRACTOR, "nps": None}], "has no condition; give one of max_rating, nps"),
        ([{**RISING, "max_rating": 0.2}], "unknown key @ rules.0.theme.max_rating (known here: "),
        ([{**RISING, "contacts_customer": True}], "unknown key @ rules.0.theme.contacts_customer"),
        ([{**SAFETY, "topics": ["gossip"]}], "@ rules.0.words.topics.0"),
        ([{**SAFETY, "kind": "sound"}], "@ rules.0"),
        ([{**SAFETY, "channel": "email"}], "channel is that of contacts_customer"),
        ([{**DETRACTOR, "currency": "EUR"}], "currency is that of min_value"),
        ([{**DETRACTOR, "deliver_to": ["crm", "crm"]}], "names a destination twice"),
        ([{**DETRACTOR, "deliver_to": []}], "@ rules.0.customer.deliver_to"),
    ],
)
def test_rules_that_make_no_sense_are_refused_with_their_place(
    rules: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        check_config({"destinations": DESTINATIONS, "rules": rules}, "earful.toml")
    assert said in str(refused.value)
    assert refused.value.exit_code == 2


def test_rules_without_any_destination_say_where_to_write_one() -> None:
    with pytest.raises(ConfigError, match=r"none; write one under \[\[destinations\]\]"):
        check_config({"rules": [SAFETY]}, "earful.toml")


def test_rules_are_kept_as_they_were_and_unknown_ones_are_none() -> None:
    rules = make_rules(DETRACTOR, SAFETY, RISING)
    assert load_rules(dump_rules(rules)) == rules
    assert load_rules('[{"kind": "customer", "name": "x", "moon": "full"}]') == ()
