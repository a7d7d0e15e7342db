"""Score whether themes stay themselves: more rows, batches, refits, new themes, themes that return.

    python scripts/bench_identity.py --sets banking77_test stackoverflow --scenarios grow new

Runs the real step on a store in a work folder, with the vectors that ``bench_themes.py`` keeps.

grow: 10 of 11 rows, then the rest, then a refit: themes and mentions that keep their ids.
batches: ten batches, refits as the default configuration says; AMI at the end beside one fit.
new: a store without ten labels, then a batch of a thousand rows that has them.
returns: five labels that are silent for five batches and come back.
groups: as grow, for the groups that themes are found in: mentions that are together before and
after (ARI), beside those of themes, and mentions whose group has the same id.
levels: coarse, fine and normal again, in one store: ids that go on, and those that come back.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sqlalchemy import insert, select

from pipelines import tables
from pipelines.discover import discover_store
from pipelines.edits.apply import apply_edits
from pipelines.progress import SilentProgress
from pipelines.runs import begin_run
from pipelines.store import open_store
from pipelines.themes.fit import RefitPlan
from scripts.bench_themes import ROOT, read_set

ENCODER = "multilingual-e5-small-q4@1571fc982750"
# Sets by what they are made of; a mix is planted: its parts share no label.
SETS = ("banking77_test", "arbanking77_msa", "airline", "stackoverflow", "clinc150_test", "mix")
MIX = (("banking77_test", 30), ("clinc150_test", 30), ("arbanking77_msa", 20), ("airline", 4))
N_BATCHES = 10
N_PLANTED = 10
BATCH_ROWS = 1_000
N_SILENT = 5


class CachedModels:
    """Named, never loaded: the vectors are in the store."""

    encoder_name = ENCODER
    is_default_encoder = True


@dataclass(frozen=True)
class Labelled:
    """Distinct texts in the order of their hash."""

    texts: list[str]
    langs: list[str]
    labels: Any
    vectors: Any


class Bench:
    """A store that is fed rows of a labelled set."""

    def __init__(self, rows: Labelled, folder: str) -> None:
        self.rows = rows
        self.store = open_store(f"sqlite:///{folder}/store.db", create=True)
        self.seconds = 0.0

    def feed(self, chosen: Iterable[int], **options: Any) -> None:
        """One run that reads these rows."""
        with begin_run(self.store, "bench", config_hash="", lock_timeout_s=5) as run:
            _insert_rows(run.connection, self.rows, [int(row) for row in chosen])
            run.facts["encoder"] = ENCODER
            run.mark_changed()
            start = time.process_time()
            discover_store(run, CachedModels(), SilentProgress(), **options)  # type: ignore[arg-type]
            self.seconds = time.process_time() - start
            apply_edits(run, CachedModels())  # type: ignore[arg-type]

    def read(self) -> tuple[Any, Any]:
        """Nearest theme of each row, "" for none, and whether it is assigned."""
        column = tables.mention.c
        query = select(column.mention_id, column.nearest_theme_id, column.found_reason)
        nearest = np.full(len(self.rows.texts), "", dtype=object)
        is_assigned = np.zeros(len(self.rows.texts), dtype=bool)
        with self.store.read() as connection:
            for mention_id, theme_id, reason in connection.execute(query):
                row = int(mention_id[1:-2])
                nearest[row], is_assigned[row] = theme_id or "", reason is None
        return nearest, is_assigned & (nearest != "")

    def read_groups(self) -> dict[str, str]:
        """The theme that leads the group of each theme, itself where it leads or is alone."""
        column = tables.theme.c
        query = select(column.theme_id, column.parent_id).where(column.status == "active")
        with self.store.read() as connection:
            return {key: parent or key for key, parent in connection.execute(query)}

    def count_events(self) -> Counter[str]:
        """Events by kind."""
        with self.store.read() as connection:
            return Counter(connection.execute(select(tables.theme_event.c.event)).scalars())

    def read_births(self) -> list[str]:
        """Ids of themes, in the order in which they were born."""
        event = tables.theme_event.c
        query = select(event.theme_id).where(event.event == "born").order_by(event.run_id)
        with self.store.read() as connection:
            return list(connection.execute(query).scalars())


def _insert_rows(connection: Any, rows: Labelled, chosen: Sequence[int]) -> None:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    feedback, mentions, vectors = [], [], []
    for row in chosen:
        key = {"text": rows.texts[row], "text_hash": f"h{row:06d}", "lang": rows.langs[row]}
        name = f"f{row:06d}"
        facts = {"source": "bench", "occurred_at": at, "enriched_run": "bench"}
        feedback.append({"feedback_id": name, **facts, **key})
        mentions.append({"mention_id": f"{name}-0", "feedback_id": name, "position": 0, **key})
        data = np.asarray(rows.vectors[row], dtype="<f2").tobytes()
        vectors.append({"text_hash": key["text_hash"], "model": ENCODER, "data": data})
    for table, values in (
        (tables.feedback, feedback),
        (tables.mention, mentions),
        (tables.vector, vectors),
    ):
        if values:
            connection.execute(insert(table), values)


def load_labelled(name: str, data: Path, work: Path) -> Labelled:
    """Read a set with its vectors; equal texts once."""
    if name == "mix":
        return _load_mix(data, work)
    rows = read_set(name, data)
    key = sha256("\0".join([ENCODER, *rows.texts]).encode()).hexdigest()[:24]
    path = work / f"{key}.npy"
    if not path.exists():
        raise SystemExit(f"no vectors of {name}: run scripts/bench_themes.py --sets {name} first")
    vectors = np.load(path)
    firsts = {text: row for row, text in reversed(list(enumerate(rows.texts))) if text}
    order = sorted(firsts, key=lambda text: sha256(text.encode()).digest())
    chosen = [firsts[text] for text in order]
    return Labelled(
        order,
        [rows.langs[row] for row in chosen],
        np.array([rows.labels[row] for row in chosen], dtype=object),
        vectors[chosen],
    )


def _load_mix(data: Path, work: Path) -> Labelled:
    parts = []
    for name, n_labels in MIX:
        part = load_labelled(name, data, work)
        labels = sorted(set(part.labels) - {"oos"}, key=_hash)[:n_labels]
        parts.append((part, [row for row, label in enumerate(part.labels) if label in labels]))
    return Labelled(
        [part.texts[row] for part, rows in parts for row in rows],
        [part.langs[row] for part, rows in parts for row in rows],
        np.array([f"{n} {p.labels[r]}" for n, (p, rows) in enumerate(parts) for r in rows], object),
        np.concatenate([part.vectors[rows] for part, rows in parts]),
    )


def _hash(text: str) -> bytes:
    return sha256(text.encode()).digest()


def bench_growth(rows: Labelled, folder: str) -> str:
    """A tenth more rows, then a refit."""
    bench = Bench(rows, folder)
    order = np.random.default_rng(0).permutation(len(rows.texts))
    cut = len(order) * 10 // 11
    bench.feed(order[:cut])
    before = bench.read()
    bench.feed(order[cut:])
    warm = bench.read()
    line = f"warm: {_compare(before, warm)} {bench.seconds:5.1f} s"
    bench.feed([], plan=RefitPlan(is_requested=True))
    after = bench.read()
    ami = [_score(rows, each, order) for each in (warm, after)]
    fresh = _fit_fresh(rows)
    return (
        f"{line} | refit: {_compare(warm, after)} {bench.seconds:5.1f} s | AMI warm {ami[0]:.3f} "
        f"refit {ami[1]:.3f} fresh {fresh[0]:.3f} | k {len(set(after[0]) - {''})} fresh {fresh[1]}"
    )


def bench_batches(rows: Labelled, folder: str) -> str:
    """Ten batches; labels of a mix start in different months."""
    bench = Bench(rows, folder)
    batches = _split_batches(rows)
    spent = 0.0
    kept = []
    before = None
    for batch in batches:
        bench.feed(batch)
        spent += bench.seconds
        now = bench.read()
        if before is not None and before[1].any():
            kept.append(_share_kept(before, now)[0])
        before = now
    found = bench.read()
    births = bench.read_births()
    everything = np.arange(len(rows.texts))
    fresh = _fit_fresh(rows)
    return (
        f"AMI {_score(rows, found, everything):.3f} fresh {fresh[0]:.3f} | "
        f"k {len(set(found[0]) - {''})} fresh {fresh[1]} | unassigned {1 - found[1].mean():.2f} | "
        f"ids reused {len(births) - len(set(births))} | least share of ids kept {min(kept):.3f} | "
        f"{spent:.0f} s | {dict(sorted(bench.count_events().items()))}"
    )


def _split_batches(rows: Labelled) -> list[Any]:
    order = np.random.default_rng(1).permutation(len(rows.texts))
    places = np.arange(len(order)) * N_BATCHES // len(order)
    is_mix = any(label.startswith("0 ") for label in set(rows.labels))
    if is_mix:  # a label starts late: its rows are spread over what is left
        starts = {label: _hash(label)[0] % 6 for label in set(rows.labels)}
        for place, row in enumerate(order):
            first = starts[rows.labels[row]]
            places[place] = first + places[place] * (N_BATCHES - first) // N_BATCHES
    return [order[places == number] for number in range(N_BATCHES)]


def bench_new(rows: Labelled, folder: str) -> str:
    """Ten labels that were never seen, in one batch of a thousand rows."""
    rng = np.random.default_rng(2)
    names = sorted(set(rows.labels) - {"oos"}, key=_hash)
    n_planted = min(N_PLANTED, len(names) // 2)
    planted = set(names[:n_planted])
    is_planted = np.array([label in planted for label in rows.labels])
    old = rng.permutation(np.flatnonzero(~is_planted))
    share = BATCH_ROWS // 2 // n_planted
    new = [rng.permutation(np.flatnonzero(rows.labels == name))[:share] for name in sorted(planted)]
    fresh = np.concatenate(new)
    n_old = min(BATCH_ROWS - len(fresh), len(old) // 3)
    batch = np.concatenate([fresh, old[:n_old]])
    bench = Bench(rows, folder)
    bench.feed(old[n_old:])
    known = set(bench.read()[0])
    bench.feed(batch)
    nearest, is_assigned = bench.read()
    assigned = np.where(is_assigned, nearest, "")
    born = sorted(set(assigned) - known - {""})
    own = Counter(rows.labels[fresh])
    held: Counter[str] = Counter()
    n_false = 0
    for theme_id in born:
        members = rows.labels[assigned == theme_id]
        label, n = Counter(members).most_common(1)[0]
        is_right = label in planted and n > 0.5 * len(members)
        n_false += not is_right
        held[label] += n if is_right else 0
    found = sum(held[name] >= 0.5 * own[name] for name in planted)
    in_known = np.isin(assigned[fresh], sorted(known - {""}))
    swallowed = sum(in_known[rows.labels[fresh] == name].mean() > 0.5 for name in planted)
    return (
        f"planted {n_planted} ({len(fresh)} of {len(batch)} rows) | found {found} | born "
        f"{len(born)} | false {n_false} | swallowed {swallowed} | {bench.seconds:.1f} s"
    )


def bench_return(rows: Labelled, folder: str) -> str:
    """Five labels that are heard, silent for five batches, and heard again."""
    bench = Bench(rows, folder)
    names = sorted(set(rows.labels) - {"oos"}, key=_hash)[:N_SILENT]
    is_own = np.isin(rows.labels, names)
    rng = np.random.default_rng(3)
    others = rng.permutation(np.flatnonzero(~is_own))
    own = {name: rng.permutation(np.flatnonzero(rows.labels == name)) for name in names}
    first = {name: each[: len(each) // 2] for name, each in own.items()}
    last = np.concatenate([own[name][len(first[name]) :] for name in names])
    base, *batches = np.split(
        others, [len(others) * share // 100 for share in (60, 66, 72, 78, 84, 90)]
    )
    bench.feed(np.concatenate([base, *first.values()]))
    before = bench.read()[0]
    themes = {name: _find_theme(rows, before, name) for name in names}
    for batch in batches[:5]:
        bench.feed(batch)
    bench.feed(np.concatenate([batches[5], last]))
    after = bench.read()[0][last]
    back = [
        theme is not None and np.mean(after[rows.labels[last] == name] == theme) > 0.5
        for name, theme in themes.items()
    ]
    n_themes = sum(theme is not None for theme in themes.values())
    events = bench.count_events()
    return (
        f"{n_themes} of {len(names)} labels are a theme's own | returned under their ids "
        f"{sum(back)} | faded {events['faded']} | revived {events['revived']}"
    )


def bench_groups(rows: Labelled, folder: str) -> str:
    """How far groups hold beside themes: with a tenth more rows, then with a refit."""
    bench = Bench(rows, folder)
    order = np.random.default_rng(0).permutation(len(rows.texts))
    cut = len(order) * 10 // 11
    bench.feed(order[:cut])
    states = [_read_levels(bench)]
    bench.feed(order[cut:])
    states.append(_read_levels(bench))
    bench.feed([], plan=RefitPlan(is_requested=True))
    states.append(_read_levels(bench))
    said = []
    for name, (before, after) in zip(("warm", "refit"), pairwise(states), strict=True):
        has_theme = before[0] != ""
        scores = [
            _agree(old[has_theme], new[has_theme]) for old, new in zip(before, after, strict=True)
        ]
        kept = np.mean(before[1][has_theme] == after[1][has_theme])
        said.append(f"{name}: ARI themes {scores[0]:.3f} groups {scores[1]:.3f} ids {kept:.3f}")
    sizes = Counter(bench.read_groups().values())
    n_groups = sum(size > 1 for size in sizes.values())
    alone = sum(size == 1 for size in sizes.values())
    return f"{' | '.join(said)} | {n_groups} groups, {alone} themes alone"


def _read_levels(bench: Bench) -> tuple[Any, Any]:
    """Theme and group of each row, as found."""
    themes = bench.read()[0]
    groups = bench.read_groups()
    return themes, np.array([groups.get(theme_id, theme_id) for theme_id in themes], dtype=object)


def _agree(before: Any, after: Any) -> float:
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(before, after))


def bench_levels(rows: Labelled, folder: str) -> str:
    """Another granularity and back."""
    bench = Bench(rows, folder)
    bench.feed(range(len(rows.texts)))
    first = bench.read()
    groups = bench.read_groups()
    said = [f"normal {len(set(first[0]) - {''})}"]
    for granularity in ("coarse", "normal", "fine", "normal"):
        before = bench.read()
        bench.feed([], plan=RefitPlan(granularity=granularity))
        after = bench.read()
        ids = set(before[0]) - {""}
        kept = len(ids & set(after[0])) / min(len(ids), len(set(after[0]) - {""}))
        said.append(f"{granularity} {len(set(after[0]) - {''})} ids kept {kept:.3f}")
        if granularity == "coarse":
            as_groups = np.array([groups.get(each, each) for each in first[0]], dtype=object)
            said[-1] += f" ARI with groups {_agree(as_groups, after[0]):.3f}"
        if granularity == "normal":
            back = _share_kept(first, after)
            said[-1] += f", of the first {back[0]:.3f}, mentions {back[1]:.3f}"
    return " | ".join(said)


def _find_theme(rows: Labelled, nearest: Any, name: str) -> str | None:
    """The theme of most texts of a label, where most of its texts have that label."""
    found = Counter(nearest[(rows.labels == name) & (nearest != "")])
    theme_id, n = found.most_common(1)[0]
    return theme_id if n > 0.5 * (nearest == theme_id).sum() else None


def _compare(before: Any, after: Any) -> str:
    ids, mentions = _share_kept(before, after)
    return f"ids kept {ids:.3f} mentions {mentions:.3f}"


def _share_kept(before: Any, after: Any) -> tuple[float, float]:
    """Share of themes that keep their id for most of their members, and of members that stay."""
    members = np.where(before[1], before[0], "")
    now = np.where(after[1], after[0], "")
    ids = sorted(set(members) - {""})
    kept = [np.mean(now[members == theme_id] == theme_id) > 0.5 for theme_id in ids]
    has_theme = members != ""
    return float(np.mean(kept)), float(np.mean(after[0][has_theme] == members[has_theme]))


def _score(rows: Labelled, found: Any, chosen: Any) -> float:
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(rows.labels[chosen], found[0][chosen]))


def _fit_fresh(rows: Labelled) -> tuple[float, int]:
    with TemporaryDirectory(prefix="earful-identity-") as folder:
        bench = Bench(rows, folder)
        bench.feed(range(len(rows.texts)))
        found = bench.read()
        return _score(rows, found, np.arange(len(rows.texts))), len(set(found[0]) - {""})


SCENARIOS = {
    "grow": bench_growth,
    "batches": bench_batches,
    "new": bench_new,
    "returns": bench_return,
    "groups": bench_groups,
    "levels": bench_levels,
}


def main() -> None:
    """Print one line a scenario and set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("/tmp/earful-bench"))  # noqa: S108
    options = parser.parse_args()
    for name in options.sets:
        rows = load_labelled(name, options.data, options.work)
        for scenario in options.scenarios:
            with TemporaryDirectory(prefix="earful-identity-") as folder:
                print(f"{name:15} {scenario:8} {SCENARIOS[scenario](rows, folder)}", flush=True)


if __name__ == "__main__":
    main()
