"""Print how well feedback is linked to customers, on people that are made up and known.

    python scripts/bench_link.py             # precision and recall, by key and by trouble
    python scripts/bench_link.py --large     # ... and a million feedback, a million customers

The people and their troubles (typos, shared phones and mailboxes, two people in a household,
changed e-mails, records without an id, a shop's own address) are made by `link_people.py`.
"""

import argparse
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from link_people import SECRET, Said, World, make_large_keys, make_world
from sqlalchemy import insert, select

from pipelines import tables
from pipelines.linking.links import link_store
from pipelines.store import Store, open_store

LIMIT = 5
GOALS = {"precision": 0.995, "recall": 0.97, "with the queue": 0.99}


def main() -> None:
    options = _parse_options()
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        world = make_world(options.seed, options.customers, options.feedback)
        print(
            f"{options.customers:,} customers, {options.feedback:,} feedback, of which "
            f"{sum(each.customer is not None for each in world.said):,} are a customer's"
        )
        _judge(_open(Path(folder) / "small.db"), world, is_probable=not options.keys_only)
        if options.large:
            _measure_large(_open(Path(folder) / "large.db"), options.large_rows)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument("--feedback", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--keys-only", action="store_true", help="without splink")
    parser.add_argument("--large", action="store_true", help="the million, too")
    parser.add_argument("--large-rows", type=int, default=1_000_000)
    parser.add_argument("--work", type=Path, help="where the stores are made and removed")
    return parser.parse_args()


def _open(path: Path) -> Store:
    return open_store(f"sqlite:///{path}", create=True)


def _judge(store: Store, world: World, *, is_probable: bool) -> None:
    with store.write() as connection:
        for table, rows in world.rows.items():
            _insert(connection, tables.metadata.tables[table], rows)
    took = _time(lambda: _link(store))
    with store.read() as connection:
        feedback = tables.feedback.c
        query = select(feedback.feedback_id, feedback.customer_id, feedback.link_method)
        links = {row[0]: (row[1], row[2]) for row in connection.execute(query)}
    if is_probable:
        took_more = _time(lambda: _find_probable(store))
        print(f"linked in {took}; probable links found in {took_more}")
    with store.read() as connection:
        queue = tables.link_review.c
        query = select(queue.feedback_id, queue.customer_id, queue.method)
        offers = [tuple(row) for row in connection.execute(query)]
    _print_scores(world.said, links, offers)


def _link(store: Store) -> None:
    with store.write() as connection:
        link_store(connection, "bench", LIMIT)


def _find_probable(store: Store) -> None:
    from pipelines.linking.probable import find_probable_links

    with store.write() as connection:
        find_probable_links(connection, "bench", 0.2)


def _print_scores(
    said: list[Said],
    links: dict[str, tuple[str | None, str | None]],
    offers: list[tuple[str, str, str]],
) -> None:
    linked = [each for each in said if links[each.feedback_id][0]]
    right = [each for each in linked if links[each.feedback_id][0] == each.customer]
    right_ids = {each.feedback_id for each in right}
    ours = [each for each in said if each.customer]
    unlinked = [each for each in ours if each.feedback_id not in right_ids]
    offered = {(feedback_id, customer_id) for feedback_id, customer_id, _ in offers}
    queued = [each for each in unlinked if (each.feedback_id, each.customer) in offered]
    found = {
        "precision": len(right) / len(linked),
        "recall": len(right) / len(ours),
        "with the queue": (len(right) + len(queued)) / len(ours),
    }
    for name, value in found.items():
        state = "met" if value >= GOALS[name] else "missed"
        print(f"{name:15} {value:.4f}  goal {GOALS[name]}: {state}")
    asked = {feedback_id for feedback_id, _, _ in offers}
    print(f"queue: {len(offers):,} offers for {len(asked):,} feedback")
    _print_groups("linked by", linked, right, lambda each: str(links[each.feedback_id][1]))
    _print_counts("not linked", unlinked, queued)


def _print_groups(
    title: str, linked: list[Said], right: list[Said], name: Callable[[Said], str]
) -> None:
    n_all, n_right = Counter(map(name, linked)), Counter(map(name, right))
    for each, n in n_all.most_common():
        print(f"  {title} {each:16} {n:6,}  right {n_right[each] / n:.4f}")


def _print_counts(title: str, lost: list[Said], queued: list[Said]) -> None:
    n_lost, n_queued = (Counter(each.trouble for each in some) for some in (lost, queued))
    for trouble, n in n_lost.most_common():
        print(f"  {title}: {trouble:22} {n:6,}  in the queue {n_queued[trouble]:,}")


def _measure_large(store: Store, n: int) -> None:
    started = time.process_time()
    made = make_large_keys(n)
    with store.write() as connection:
        for table, rows in made:
            _insert(connection, tables.metadata.tables[table], rows)
    print(f"{n:,} by {n:,}: written in {time.process_time() - started:.0f} CPU s, e-mails hashed")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took = _time(lambda: _link(store))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"linked in {took}; peak {peak / 1024:,.0f} MB ({before / 1024:,.0f} MB before)")
    print(f"again, with nothing new: {_time(lambda: _link(store))}")


def _time(work: Callable[[], Any]) -> str:
    wall, cpu = time.monotonic(), time.process_time()
    work()
    return f"{time.monotonic() - wall:.1f} s ({time.process_time() - cpu:.1f} CPU s)"


def _insert(connection: Any, table: Any, rows: Iterable[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == 20_000:
            connection.execute(insert(table), batch)
            batch = []
    if batch:
        connection.execute(insert(table), batch)


if __name__ == "__main__":
    assert SECRET
    main()
