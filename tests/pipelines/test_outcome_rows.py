"""The table of outcomes, against what each feedback says by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from pipelines import tables
from pipelines.customer_rows import RowSettings, publish_customers
from pipelines.odata.outcome_rows import write_given
from pipelines.odata.outcomes import OutcomeSettings, name_nps_group
from pipelines.runs import Run
from tests.pipelines.conftest import add_rows, read_rows

SCALES = (5, 7, 10, 100, -2, 0, None)
RATINGS = (0, 1, 3, 6, 6.5, 7, 8.9, 9, 10, 33, None)
CASES = [(rating, most) for rating in RATINGS for most in SCALES]


def test_what_is_given_is_that_of_each_feedback(run: Run) -> None:
    expected = fill(run)
    n_written = write_given(run, OutcomeSettings())
    assert read_given(run) == expected
    assert n_written == len(expected) > 50
    assert write_given(run, OutcomeSettings()) == 0


def test_what_holds_no_more_goes(run: Run) -> None:
    expected = fill(run)
    write_given(run, OutcomeSettings())
    set_feedback(run, "f000", rating=5)  # 0 of 5
    expected["f000", "rating"] = 1
    noisy = [key for key in expected if key[0].startswith("f01")]
    for feedback_id in {key[0] for key in noisy}:
        set_feedback(run, feedback_id, noise_reason="spam")
    assert write_given(run, OutcomeSettings()) == len(noisy) + 1
    rest = {key: value for key, value in expected.items() if key not in noisy}
    assert read_given(run) == rest
    only_nps = OutcomeSettings(rating=False)
    assert write_given(run, only_nps) == sum(name == "rating" for _, name in rest)
    assert {name for _, name in read_given(run)} == {"nps_group"}
    assert write_given(run, OutcomeSettings(rating=False, nps=False)) > 0
    assert read_given(run) == {}


def test_what_followed_goes_with_the_events(run: Run) -> None:
    fill(run)
    for number, (day, kind) in enumerate(((0, "order"), (15, "order"), (25, "churn"))):
        row = {"event_id": f"e{number}", "customer_id": "c", "kind": kind, "at": on(day)}
        add_rows(run.connection, "event", {**row, "amount": 10.0, "currency": "EUR"})
    set_feedback(run, "f000", customer_id="c", occurred_at=on(9.5))
    settings = RowSettings(OutcomeSettings(churn_days=10, spend_days=10))
    publish_customers(run, settings, None)
    assert read_followed(run) == {("f000", "churn_10"): 0, ("f000", "spend_change_10_EUR"): 0}
    assert publish_customers(run, settings, None) == 0
    run.connection.execute(update(tables.event).values(customer_id=None))
    publish_customers(run, settings, None)
    assert read_followed(run) == {}
    assert len(read_given(run)) > 50


def on(day: float) -> datetime:
    """So many days into 2026."""
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)


def fill(run: Run) -> dict[tuple[str, str], Any]:
    """Feedback with every rating on every scale; the outcomes that they are."""
    expected: dict[tuple[str, str], Any] = {}
    for number, (rating, most) in enumerate(CASES):
        key = f"f{number:03d}"
        said = {"feedback_id": key, "source": "s", "text": "words"}
        add_rows(run.connection, "feedback", {**said, "rating": rating, "rating_max": most})
        if rating is not None and most:
            expected[key, "rating"] = pytest.approx(rating / most)
            if most == 10:
                expected[key, "nps_group"] = name_nps_group(rating)
    return expected


def set_feedback(run: Run, feedback_id: str, **values: Any) -> None:
    """Give one feedback other values."""
    is_it = tables.feedback.c.feedback_id == feedback_id
    run.connection.execute(update(tables.feedback).where(is_it).values(**values))


def read_given(run: Run) -> dict[tuple[str, str], Any]:
    """The outcomes that were given with feedback."""
    return {
        key: value
        for key, value in _read(run).items()
        if not key[1].startswith(("churn_", "spend_"))
    }


def read_followed(run: Run) -> dict[tuple[str, str], Any]:
    """The outcomes that followed feedback."""
    return {
        key: value for key, value in _read(run).items() if key[1].startswith(("churn_", "spend_"))
    }


def _read(run: Run) -> dict[tuple[str, str], Any]:
    rows = read_rows(run.connection, "feedback_outcome", "feedback_id", "outcome", "value")
    return {(feedback_id, name): value for feedback_id, name, value in rows}
