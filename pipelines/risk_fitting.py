"""The model of who leaves, fitted to the customers of a store, and the signs that it reads.

Those that it is fitted to are read as those that it judges are: the stage of the contact and the
CRM's date too, or a sign would weigh nothing however much it tells.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from operator import itemgetter

import numpy as np
from sqlalchemy import Connection, intersect, select

from pipelines import tables
from pipelines.customer_batches import CustomerBatch, batch_customers
from pipelines.customer_mentions import read_spoken
from pipelines.insights import Insight, Spread, describe_customers
from pipelines.journeys import JourneyStage, read_stages
from pipelines.moments import UNDATED, count_moment, tell_moment
from pipelines.odata.facts import Facts, Happened, derive_facts
from pipelines.odata.outcomes import measure_churn
from pipelines.odata.stored import History, read_events, read_since
from pipelines.risk import RiskModel, Signs, fit_risk, take_log
from pipelines.spoken import Spoken
from pipelines.store import read_info, write_info

_MODEL = "risk_model"
# Of those who left, and of those who stayed: some 280 for each weight, whose error is then a fifth
# of what ten for each leave (Peduzzi et al., J Clin Epidemiol 49, 1996, ask for ten).
ENOUGH_OUTCOMES = 2_000
_CUSTOMERS_A_DRAW = 5_000
_Example = tuple[str, Signs, bool]


def fit_model(
    connection: Connection, history: History, spread: Spread, days: int
) -> dict[str, JourneyStage]:
    """Fit on customers' latest feedback after which it is known whether they left.

    Of a large store on enough of them, drawn by lot: the same, whatever came before.

    :param days: within so many after it; 0 for no model.
    :returns: the stages that were read for it, by feedback.
    """
    examples: list[_Example] = []
    known: dict[str, JourneyStage] = {}
    until = history.known_until or history.as_of
    drawn = _draw_customers(connection) if days and history.known_until else []
    for start in range(0, len(drawn), _CUSTOMERS_A_DRAW):
        for batch in batch_customers(connection, drawn[start : start + _CUSTOMERS_A_DRAW]):
            found = list(_find_examples(connection, batch, until, spread, days))
            known |= read_stages(connection, [insight.last_feedback_id for _, insight, *_ in found])
            for customer_id, insight, facts, has_left in found:
                stage = known.get(insight.last_feedback_id, JourneyStage())
                examples.append((customer_id, read_signs(insight, facts, stage.name), has_left))
        if _are_enough(examples):
            break
    examples.sort(key=itemgetter(0))  # databases have orders of their own
    model = fit_risk([signs for _, signs, _ in examples], [left for *_, left in examples])
    write_info(connection, _MODEL, json.dumps(model.to_json() if model else None))
    return known


def _draw_customers(connection: Connection) -> list[str]:
    """Customers with feedback and events, in the order of hashes of their ids: as by lot."""
    event, feedback = tables.event.c.customer_id, tables.feedback.c.customer_id
    both = intersect(
        *(select(each).where(each.is_not(None)).distinct() for each in (event, feedback))
    )
    ids = connection.execute(both).scalars()
    return sorted(ids, key=lambda each: (blake2b(each.encode(), digest_size=8).digest(), each))


def _are_enough(examples: Sequence[_Example]) -> bool:
    n_left = sum(has_left for *_, has_left in examples)
    return min(n_left, len(examples) - n_left) >= ENOUGH_OUTCOMES


def load_model(connection: Connection) -> RiskModel | None:
    """The model that was fitted last; None where there were too few to fit one to."""
    stored = json.loads(read_info(connection, _MODEL) or "null")
    return RiskModel.from_json(stored) if stored else None


def _find_examples(
    connection: Connection, batch: CustomerBatch, until: datetime, spread: Spread, days: int
) -> Iterator[tuple[str, Insight, Facts, bool]]:
    events = dict(read_events(connection, batch.holds))
    since = read_since(connection, batch.holds)
    spoken = read_spoken(connection, batch.holds)
    moments = np.full(len(spoken.customers), UNDATED)
    found: dict[str, tuple[datetime, bool]] = {}
    for place, (customer_id, said_at) in enumerate(_list_moments(spoken)):
        example = _find_moment(said_at, events.get(customer_id, ()), until, days)
        if example:
            moments[place], found[customer_id] = count_moment(example[0]), example
    for customer_id, insight in describe_customers(spoken.take_until(moments), spread):
        at, has_left = found[customer_id]
        facts = derive_facts(events[customer_id], at, since.get(customer_id))
        yield customer_id, insight, facts, has_left


def _list_moments(spoken: Spoken) -> Iterator[tuple[str, Sequence[int]]]:
    """When each customer spoke, the latest first."""
    starts, at = spoken.starts.tolist(), spoken.at.tolist()
    for customer_id, start, end in zip(spoken.customers, starts, starts[1:], strict=False):
        yield customer_id, sorted({*at[start:end]}, reverse=True)


def _find_moment(
    moments: Sequence[int], events: Sequence[Happened], until: datetime, days: int
) -> tuple[datetime, bool] | None:
    """The latest moment after which it is known whether they left, and whether they did."""
    for at in map(tell_moment, moments if events else ()):
        has_left = None if at is None else measure_churn(at, events, until, days)
        if at is not None and has_left is not None:
            return at, has_left
    return None


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
