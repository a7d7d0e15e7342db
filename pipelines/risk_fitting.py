"""The model of who leaves, fitted to the customers of a store, and the signs that it reads.

Those that it is fitted to are read as those that it judges are: the stage of the contact and the
CRM's date too, or a sign would weigh nothing however much it tells.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection

from pipelines.customer_mentions import read_mentions
from pipelines.id_batches import batch_ids
from pipelines.insights import CustomerMention, Insight, Spread, describe_customer
from pipelines.journeys import JourneyStage, read_stages
from pipelines.odata.facts import Facts, Happened, derive_facts
from pipelines.odata.outcomes import measure_churn
from pipelines.odata.stored import History, read_events, read_since
from pipelines.risk import RiskModel, Signs, fit_risk, take_log
from pipelines.store import read_info, write_info

_MODEL = "risk_model"
_Example = tuple[Insight, Facts, bool]


def fit_model(
    connection: Connection, customers: Sequence[str], history: History, spread: Spread, days: int
) -> None:
    """Fit on each customer's latest feedback after which it is known whether they left.

    :param days: within so many after it; 0 for no model.
    """
    examples: list[Signs] = []
    labels: list[bool] = []
    until = history.known_until or history.as_of
    for batch in batch_ids(customers) if days and history.known_until else ():
        found = list(_find_examples(connection, batch, until, spread, days))
        stages = read_stages(connection, [insight.last_feedback_id for insight, _, _ in found])
        for insight, facts, has_left in found:
            stage = stages.get(insight.last_feedback_id, JourneyStage())
            examples.append(read_signs(insight, facts, stage.name))
            labels.append(has_left)
    model = fit_risk(examples, labels)
    write_info(connection, _MODEL, json.dumps(model.to_json() if model else None))


def load_model(connection: Connection) -> RiskModel | None:
    """The model that was fitted last; None where there were too few to fit one to."""
    stored = json.loads(read_info(connection, _MODEL) or "null")
    return RiskModel.from_json(stored) if stored else None


def _find_examples(
    connection: Connection, customers: Sequence[str], until: datetime, spread: Spread, days: int
) -> Iterator[_Example]:
    events = dict(read_events(connection, customers))
    since = read_since(connection, customers)
    for customer_id, rows in groupby(read_mentions(connection, customers), lambda row: row[0]):
        own, said = events.get(customer_id, []), [each for _, each in rows]
        at, has_left = _find_moment(said, own, until, days)
        if at is not None:
            before = [each for each in said if each.at and each.at <= at]
            facts = derive_facts(own, at, since.get(customer_id))
            yield describe_customer(before, spread), facts, has_left


def _find_moment(
    mentions: Sequence[CustomerMention], events: Sequence[Happened], until: datetime, days: int
) -> tuple[datetime | None, bool]:
    """The latest moment after which it is known whether they left, and whether they did."""
    moments = sorted({each.at for each in mentions if each.at}, reverse=True)
    for at in moments if events else ():
        has_left = measure_churn(at, events, until, days)
        if has_left is not None:
            return at, has_left
    return None, False


def read_signs(insight: Insight, facts: Facts | None, stage: str) -> Signs:
    """What the risk is judged by.

    :param stage: of the last contact.
    """
    recency = None
    if facts is not None:
        recency = facts.recency_days if facts.n_orders else facts.tenure_days
    return Signs(
        sentiment=insight.sentiment,
        last_sentiment=insight.last_sentiment,
        open_complaint=float(insight.open_theme_id is not None),
        is_leaving=float(stage == "leaving"),
        recency=take_log(recency),
        frequency=take_log(facts.frequency if facts else 0),
        tickets=take_log(facts.n_tickets_90 if facts else 0),
    )
