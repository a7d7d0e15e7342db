"""Who may have said what no key links: Splink weighs the traits that two records have in common.

Fellegi and Sunter (1969): each trait adds the logarithm of how much more often it agrees among
records of one person than among records of two. How often among two is counted in the CRM itself;
how often among one is set here, for feedback that no key links: its e-mail and phone are new,
mistyped or shared, so that they say little when they differ.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from pipelines import tables
from pipelines.errors import ConfigError
from pipelines.id_batches import batch_ids
from pipelines.linking.review import Candidate, write_candidates
from pipelines.linking.traits import TRAIT_TYPES

# Pairs are looked at that have one of these in common.
_BLOCKS = ("name", "name_sound", "email_local", "phone_end")
# Share of pairs of one person in which a trait agrees, where both have it.
_AGREE = {"name": 0.9, "name_sound": 0.04, "name_word": 0.03}
_AGREE |= {"city": 0.85, "birth_year": 0.97, "email_local": 0.3, "phone_end": 0.3}
# Of feedback that no key links, so many may be a customer's after all.
_PRIOR_OURS = 0.2
_MAX_OFFERS = 3
_RAREST, _MAX_CHANCE = 1e-9, 0.95

Rows = dict[str, dict[str, str]]


def find_probable_links(connection: Connection, run_id: str, threshold: float) -> int:
    """Put probable links into the review queue.

    :param threshold: the least probability.
    :returns: number of rows that changed.
    :raises ConfigError: when Splink is not installed.
    """
    unlinked = _read_unlinked(connection)
    customers = _read_customers(connection, unlinked) if unlinked else {}
    found: list[Candidate] = []
    if unlinked and customers:
        agree_by_chance, n_customers = _count_agreement(connection)
        model = make_model(agree_by_chance, _PRIOR_OURS / n_customers)
        found = list(_choose(_score(unlinked, customers, model, threshold), customers, unlinked))
    return write_candidates(connection, found, "splink", run_id)


def make_model(by_chance: Mapping[str, float], prior: float) -> dict[str, Any]:
    """Write the settings of Splink.

    :param by_chance: share of pairs of two people in which a trait agrees.
    :param prior: share of all pairs that are of one person.
    """
    word = "name_first_l = name_first_r OR name_last_l = name_last_r"
    names = [
        ("name_l = name_r", "name"),
        ("name_sound_l = name_sound_r", "name_sound"),
        (word, "name_word"),
    ]
    single = ("city", "birth_year", "email_local", "phone_end")
    return {
        "link_type": "link_only",
        "unique_id_column_name": "unique_id",
        "probability_two_random_records_match": prior,
        "blocking_rules_to_generate_predictions": [f"l.{each} = r.{each}" for each in _BLOCKS],
        "comparisons": [
            _compare("name", names, by_chance),
            *(_compare(each, [(f"{each}_l = {each}_r", each)], by_chance) for each in single),
        ],
        "retain_intermediate_calculation_columns": False,
    }


def _compare(
    column: str, levels: Sequence[tuple[str, str]], by_chance: Mapping[str, float]
) -> dict[str, Any]:
    rest_same = 1 - sum(_AGREE[trait] for _, trait in levels)
    # Where all live in one town, the town says nothing; but a probability of 1 cannot be weighed.
    scale = min(1.0, _MAX_CHANCE / sum(by_chance[trait] for _, trait in levels))
    rest_chance = 1 - scale * sum(by_chance[trait] for _, trait in levels)
    agreeing = [
        {
            "sql_condition": condition,
            "label_for_charts": trait,
            "m_probability": _AGREE[trait],
            "u_probability": scale * by_chance[trait],
        }
        for condition, trait in levels
    ]
    missing = f"{column}_l IS NULL OR {column}_r IS NULL"
    return {
        "output_column_name": column,
        "comparison_levels": [
            {"sql_condition": missing, "label_for_charts": "missing", "is_null_level": True},
            *agreeing,
            {
                "sql_condition": "ELSE",
                "label_for_charts": "differs",
                "m_probability": rest_same,
                "u_probability": rest_chance,
            },
        ],
    }


def _score(
    unlinked: Rows, customers: Rows, model: dict[str, Any], threshold: float
) -> Iterator[tuple[str, str, float]]:
    try:
        import duckdb
        from splink import Linker
        from splink.backends.duckdb import DuckDBAPI
    except ImportError as error:
        raise ConfigError(
            "linking.traits needs Splink and DuckDB; install them with: pip install "
            "'earful[identity]' , or set traits = false under [linking]"
        ) from error
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        api = DuckDBAPI(connection)
        sides = [
            api.register(_to_arrow(rows), dataset_display_name=name)
            for name, rows in (("a_feedback", unlinked), ("b_customer", customers))
        ]
        linker = Linker(sides, model, log_level=logging.ERROR)
        pairs = linker.inference.predict(threshold_match_probability=threshold)
        found = connection.table(pairs.physical_name)
        columns = "unique_id_l, unique_id_r, match_probability"
        yield from found.select(columns).order("1, 3 DESC, 2").fetchall()


def _to_arrow(rows: Rows) -> Any:
    import pyarrow as pa

    ids = sorted(rows)
    columns = {
        kind: pa.array([rows[each].get(kind) for each in ids], pa.string()) for kind in TRAIT_TYPES
    }
    return pa.table({"unique_id": pa.array(ids, pa.string()), **columns})


def _choose(
    pairs: Iterator[tuple[str, str, float]], customers: Rows, unlinked: Rows
) -> Iterator[Candidate]:
    n_offers: dict[str, int] = defaultdict(int)
    for feedback_id, customer_id, probability in pairs:
        n_offers[feedback_id] += 1
        if n_offers[feedback_id] <= _MAX_OFFERS:
            own, other = unlinked[feedback_id], customers[customer_id]
            common = tuple(kind for kind in TRAIT_TYPES if own.get(kind, "") == other.get(kind))
            yield Candidate(feedback_id, customer_id, probability, common)


def _read_unlinked(connection: Connection) -> Rows:
    key, feedback = tables.feedback_key.c, tables.feedback.c
    query = (
        select(key.feedback_id, key.key_type, key.key_hash)
        .join(tables.feedback, feedback.feedback_id == key.feedback_id)
        .where(key.key_type.in_(TRAIT_TYPES), feedback.customer_id.is_(None))
    )
    return _pivot(connection.execute(query))


def _read_customers(connection: Connection, unlinked: Rows) -> Rows:
    """Customers that share a block with a feedback, under the record that stands for them."""
    key, customer = tables.customer_key.c, tables.customer.c
    wanted = {row[kind] for row in unlinked.values() for kind in _BLOCKS if kind in row}
    ids: set[str] = set()
    for batch in batch_ids(sorted(wanted)):
        near = select(key.customer_id).where(key.key_type.in_(_BLOCKS), key.key_hash.in_(batch))
        ids |= set(connection.execute(near).scalars())
    found: Rows = {}
    for batch in batch_ids(sorted(ids)):
        query = (
            select(key.customer_id, key.key_type, func.min(key.key_hash))
            .join(tables.customer, customer.customer_id == key.customer_id)
            .where(key.customer_id.in_(batch), key.key_type.in_(TRAIT_TYPES))
            .where(customer.merged_into.is_(None))
            .group_by(key.customer_id, key.key_type)
        )
        found |= _pivot(connection.execute(query))
    return found


def _pivot(rows: Any) -> Rows:
    found: Rows = defaultdict(dict)
    for row_id, kind, key_hash in rows:
        found[row_id][kind] = key_hash
    return dict(found)


def _count_agreement(connection: Connection) -> tuple[dict[str, float], int]:
    """How often two customers agree on a trait by chance, and how many customers there are."""
    key = tables.customer_key.c
    counted = (
        select(key.key_type, func.count(key.customer_id.distinct()).label("n"))
        .where(key.key_type.in_(TRAIT_TYPES))
        .group_by(key.key_type, key.key_hash)
        .subquery()
    )
    n = counted.c.n
    query = select(counted.c.key_type, func.sum(n), func.sum(n * n)).group_by(counted.c.key_type)
    rates = {
        kind: max(float(squares) / float(total) ** 2, _RAREST)
        for kind, total, squares in connection.execute(query)
    }
    found = {kind: rates.get(kind, _RAREST) for kind in TRAIT_TYPES}
    found["name_sound"] = max(found["name_sound"] - found["name"], _RAREST)
    found["name_word"] = min(found["name_first"] + found["name_last"], 0.5)
    n_customers = connection.execute(select(func.count()).select_from(tables.customer)).scalar_one()
    return found, max(n_customers, 1)
