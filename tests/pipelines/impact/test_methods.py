"""Effects of themes: those of brute force, with intervals that hold, and possible when thin."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import expit
from scipy.stats import t
from sklearn.linear_model import LogisticRegression

from pipelines.impact.cox import fit_cox
from pipelines.impact.designs import Design, identify
from pipelines.impact.estimates import Estimates, make_estimates
from pipelines.impact.linear import fit_linear
from pipelines.impact.logistic import fit_logistic
from pipelines.impact.newton import PRIOR_SPREAD

EFFECTS = np.array([0.8, 0.0, -0.5])


def make_design(chance: np.random.Generator, n: int = 400, *, repeats: bool = False) -> Design:
    """Three themes, of which two go with the second control."""
    level = chance.normal(size=n)
    themes = chance.random((n, 3)) < expit(np.outer(level, [0.8, -0.5, 0]) - 1.2)
    clusters = np.sort(chance.integers(0, n // 2, n)) if repeats else np.arange(n)
    clusters = np.unique(clusters, return_inverse=True)[1]
    controls = np.column_stack([np.ones(n), level])
    return Design(controls, csr_matrix(themes.astype(float)), clusters, np.ones(n))


def whole(design: Design) -> Any:
    return np.hstack([design.controls, design.themes.toarray()])


def test_linear_effects_and_errors_are_those_of_the_textbook() -> None:
    chance = np.random.default_rng(1)
    design = make_design(chance, repeats=True)
    design = Design(design.controls, design.themes, design.clusters, 1 / (1 + design.clusters % 3))
    x, weights = whole(design), design.weights
    outcome = x @ [1, 0.5, *EFFECTS] + chance.normal(size=len(x)) * (1 + x[:, 2])
    bread = np.linalg.inv(x.T @ (weights[:, None] * x))
    beta = bread @ x.T @ (weights * outcome)
    leverage = np.einsum("ij,jk,ik->i", x, bread, x) * weights
    scores = x * (weights * (outcome - x @ beta) / (1 - leverage))[:, None]
    sums = np.array(
        [scores[design.clusters == each].sum(axis=0) for each in range(design.n_clusters)]
    )
    error = np.sqrt(np.diag(bread @ (sums.T @ sums) @ bread))[2:]
    found = fit_linear(design, outcome)
    assert found.effect == pytest.approx(beta[2:])
    # Degrees of freedom: on how many customers an effect rests, by their part in its variance.
    parts = (weights[:, None] * (x @ bread[:, 2:])) ** 2
    parts = np.array([parts[design.clusters == n].sum(axis=0) for n in range(design.n_clusters)])
    freedom = parts.sum(axis=0) ** 2 / (parts**2).sum(axis=0)
    assert (found.high - found.low) / 2 == pytest.approx(t.ppf(0.975, freedom) * error, rel=0.01)
    assert found.p_value == pytest.approx(
        2 * t.sf(np.abs(beta[2:]) / error, freedom), rel=0.5, abs=0.01
    )


def test_a_lopsided_error_makes_a_lopsided_interval_that_its_p_value_agrees_with() -> None:
    effect, error, freedom = (np.full(3, each) for each in (1.0, 1.0, 50.0))
    found = make_estimates(effect, error, freedom, np.array([0.0, 0.5, -0.5]))
    reach = t.ppf(0.975, 50)
    assert (found.low[0], found.high[0]) == (pytest.approx(1 - reach), pytest.approx(1 + reach))
    assert found.high[1] - 1 > reach > 1 - found.low[1]
    assert (found.high[2] - 1, found.low[2] - 1) == (
        pytest.approx(1 - found.low[1]),
        pytest.approx(1 - found.high[1]),
    )
    # An effect of as much as an interval's end is from it has a p-value of 0.05.
    ends = np.array([1 - found.low[1], 1 - found.high[1]])
    at_end = make_estimates(ends, np.ones(2), np.full(2, 50.0), np.full(2, 0.5))
    assert at_end.p_value == pytest.approx([0.05, 0.05])


def test_risk_differences_are_those_of_a_ridge_regression_by_scikit_learn() -> None:
    chance = np.random.default_rng(3)
    design = make_design(chance)
    x = whole(design)
    outcome = (chance.random(len(x)) < expit(x @ [-1, 0.5, *EFFECTS])).astype(float)
    model = LogisticRegression(C=PRIOR_SPREAD**2, tol=1e-12, max_iter=10_000)
    model.fit(x[:, 1:], outcome)
    beta = np.concatenate([model.intercept_, model.coef_[0]])
    expected = []
    for theme in (2, 3, 4):
        rows = x[x[:, theme] == 1]
        without = rows.copy()
        without[:, theme] = 0
        expected.append((expit(rows @ beta) - expit(without @ beta)).mean())
    assert fit_logistic(design, outcome).effect == pytest.approx(expected, abs=1e-5)


def test_hazards_are_those_of_efrons_likelihood() -> None:
    chance = np.random.default_rng(4)
    design = make_design(chance, n=150)
    x = whole(design)[:, 1:]
    times = np.ceil(chance.exponential(20 / np.exp(x @ [0.5, *EFFECTS]))).astype(int)
    days, is_event = np.minimum(times, 30), times <= 30

    def loss(beta: Any) -> float:
        risk, total = np.exp(x @ beta), 0.0
        for day in np.unique(days[is_event]):
            leaving = is_event & (days == day)
            n = int(leaving.sum())
            left = [risk[days >= day].sum() - place / n * risk[leaving].sum() for place in range(n)]
            total += (x @ beta)[leaving].sum() - np.log(left).sum()
        return float(beta @ beta / PRIOR_SPREAD**2 / 2 - total)

    beta = minimize(loss, np.zeros(4), tol=1e-12).x
    risk = np.exp(x @ beta)
    base = 0.0
    for day in np.unique(days[is_event]):
        leaving = is_event & (days == day)
        n = int(leaving.sum())
        base += sum(
            1 / (risk[days >= day].sum() - place / n * risk[leaving].sum()) for place in range(n)
        )
    expected = []
    for theme in (1, 2, 3):
        own = risk[x[:, theme] == 1]
        expected.append((np.exp(-base * own * np.exp(-beta[theme])) - np.exp(-base * own)).mean())
    assert fit_cox(design, days, is_event).effect == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("method", ["linear", "linear repeats", "logistic", "repeats", "cox"])
def test_95_percent_intervals_hold_the_truth_95_times_in_100(method: str) -> None:
    held = []
    for seed in range(80):
        chance = np.random.default_rng(seed)
        design = make_design(chance, 300, repeats="repeats" in method)
        truth, found = simulate(method, design, chance)
        held.append((found.low <= truth) & (truth <= found.high))
    # 240 intervals: three standard errors are 0.042.
    assert 0.908 <= np.mean(held) <= 0.992


def simulate(method: str, design: Design, chance: Any) -> tuple[Any, Estimates]:
    x, n = whole(design), len(design)
    odds = x @ [-0.5, 0.5, *EFFECTS]
    shared = chance.random(design.n_clusters)[design.clusters]
    if method.startswith("linear"):
        mood = np.sqrt(shared) if "repeats" in method else 0
        noise = chance.exponential(size=n) * (1 + x[:, 2])
        return EFFECTS, fit_linear(design, odds + mood + noise - x[:, 2])
    if method == "cox":
        left = np.ceil(60 * chance.exponential(size=n) / np.exp(odds - 0.5))
        until = np.minimum(60, chance.integers(20, 200, n))
        days = np.minimum(left, until).astype(int)
        truth = average(x, lambda rows: -np.expm1(-np.exp(rows @ [-1, 0.5, *EFFECTS])))
        return truth, fit_cox(design, days, left <= until)
    drawn = shared if method == "repeats" else chance.random(n)
    truth = average(x, lambda rows: expit(rows @ [-0.5, 0.5, *EFFECTS]))
    return truth, fit_logistic(design, (drawn < expit(odds)).astype(float))


def average(x: Any, risk: Any) -> Any:
    """Mean risk of those with each theme, less that of the same without it."""
    found = []
    for theme in (2, 3, 4):
        rows = x[x[:, theme] == 1]
        without = rows.copy()
        without[:, theme] = 0
        found.append((risk(rows) - risk(without)).mean())
    return np.array(found)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_where_nobody_or_everybody_left_the_interval_is_possible_and_not_empty(
    share: float,
) -> None:
    chance = np.random.default_rng(5)
    themes = np.zeros((300, 1))
    themes[:12] = 1
    design = Design(np.ones((300, 1)), csr_matrix(themes), np.arange(300), np.ones(300))
    outcome = (chance.random(300) < 0.3).astype(float)
    outcome[:12] = share
    for found in (
        fit_logistic(design, outcome),
        fit_cox(design, np.where(outcome > 0, 5, 30), outcome > 0),
    ):
        assert found.high[0] - found.low[0] > 0.1
        assert -1 <= found.low[0] < found.effect[0] < found.high[0] <= 1
        assert np.sign(found.effect[0]) == (1 if share else -1)


def test_what_is_made_of_other_columns_is_found_and_said_of_what() -> None:
    chance = np.random.default_rng(6)
    x = np.column_stack([np.ones(50), chance.normal(size=(50, 2)), np.zeros(50)])
    x = np.column_stack([x, x[:, 1], 2 * x[:, 1] - x[:, 2], chance.normal(size=50)])
    found = identify(x.T @ x)
    assert found.columns.tolist() == [True, True, True, False, False, False, True]
    assert found.relations == {3: (), 4: (1,), 5: (1, 2)}
