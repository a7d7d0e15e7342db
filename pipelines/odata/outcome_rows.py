"""The table of outcomes: what is given with feedback by statement, what followed by customer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    delete,
    exists,
    false,
    func,
    literal,
    select,
)

from pipelines import tables
from pipelines.bulk import merge_selected
from pipelines.odata.facts import Happened
from pipelines.odata.outcomes import PASSIVE, PROMOTER, OutcomeSettings, measure_outcomes
from pipelines.odata.stored import History, IsTheirs
from pipelines.rights.gate import allows_figures
from pipelines.runs import Run

RATING, NPS_GROUP = "rating", "nps_group"
_feedback, _outcome = tables.feedback.c, tables.feedback_outcome.c
# Those that need no events: all others followed.
IS_GIVEN = _outcome.outcome.in_((RATING, NPS_GROUP))


def write_given(run: Run, settings: OutcomeSettings) -> int:
    """Bring up to date what customers gave with their feedback: ratings and NPS groups.

    :returns: number of rows written or deleted.
    """
    share = _feedback.rating / _feedback.rating_max
    is_rated = _feedback.rating_max != 0
    group = case(
        (_feedback.rating >= PROMOTER, 1.0), (_feedback.rating >= PASSIVE, 0.0), else_=-1.0
    )
    is_of_ten = _feedback.rating_max == 10
    return _write_one(
        run.connection, RATING, share, is_rated if settings.rating else false()
    ) + _write_one(run.connection, NPS_GROUP, group, is_of_ten if settings.nps else false())


def _write_one(
    connection: Connection, name: str, value: ColumnElement[Any], has_it: ColumnElement[bool]
) -> int:
    counts = and_(
        _feedback.noise_reason.is_(None),
        _feedback.rating.is_not(None),
        has_it,
        allows_figures(connection),
    )
    given = (
        select(_feedback.feedback_id, literal(name), _feedback.customer_id, value)
        .where(counts)
        .order_by(_feedback.feedback_id)
    )
    columns = ("feedback_id", "outcome", "customer_id", "value")
    written = merge_selected(connection, tables.feedback_outcome, columns, given)
    is_its = _outcome.outcome == name
    n_stored = select(func.count()).select_from(tables.feedback_outcome).where(is_its)
    n_given = select(func.count()).select_from(tables.feedback).where(counts)
    # All that is given is there now: where that is all there is, nothing is gone.
    if connection.execute(n_stored).scalar() == connection.execute(n_given).scalar():
        return written
    is_given = exists().where(_feedback.feedback_id == _outcome.feedback_id, counts)
    gone = delete(tables.feedback_outcome).where(is_its, ~is_given)
    counted = gone.execution_options(preserve_rowcount=True)
    return written + connection.execute(counted).rowcount


def measure_followed(
    connection: Connection,
    is_theirs: IsTheirs,
    events: Mapping[str, Sequence[Happened]],
    history: History,
    settings: OutcomeSettings,
) -> Iterator[dict[str, object]]:
    """Rows of what customers did after their feedback, of those who have events.

    :param is_theirs: SQL for a column with customers, that it holds one of those asked for.
    :param events: of each of them.
    """
    query = select(_feedback.feedback_id, _feedback.customer_id, _feedback.occurred_at).where(
        _feedback.noise_reason.is_(None),
        _feedback.occurred_at.is_not(None),
        is_theirs(_feedback.customer_id),
        allows_figures(connection),
    )
    until = history.known_until or history.as_of
    for feedback_id, customer_id, at in connection.execute(query).all() if events else ():
        measured = measure_outcomes(at, events.get(customer_id, ()), until, settings)
        for outcome, value in measured.items():
            yield {
                "feedback_id": feedback_id,
                "outcome": outcome,
                "customer_id": customer_id,
                "value": value,
            }
