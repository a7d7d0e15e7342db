"""A small bundle out of the demo: two exports of each source, customers, events, a configuration.

Paths in the store are absolute: a life is lived in one folder, which is put back between trials.
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

DEMO = Path(__file__).parents[2] / "tests" / "data" / "demo"
N_POSTS, N_ANSWERS, N_CUSTOMERS = 105, 66, 80

CONFIG = """
[store]
vectors = "{vectors}"

[engine]
models = 1
shard_rows = 30

[[customers]]
name = "crm"
path = "customers.csv"

[[events]]
name = "warehouse"
path = "events.csv"

[[sources]]
name = "social"
path = "social.jsonl"
channel = "social"

[[sources]]
name = "survey"
path = "survey.csv"
channel = "survey"

[[syncs]]
name = "import"
kind = "csv"
path = "out/contacts.csv"
fields = {{ risk = "risk", open_theme = "open_theme", sentiment = "sentiment" }}

[[syncs]]
name = "warehouse"
kind = "sql"
to = "sqlite:///out/warehouse.db"
table = "customer_voice"
create = true
fields = {{ risk = "risk", open_theme = "open_theme", n_feedback = "n_feedback" }}

[[destinations]]
name = "drop"
kind = "csv"
folder = "out/actions"

[[rules]]
name = "unhappy"
kind = "customer"
max_sentiment = 0.0
deliver_to = ["drop"]
max_age_days = 365
max_a_day = 0
"""


def write_bundle(folder: Path, vectors: str) -> None:
    """Write the configuration and the first export of each source."""
    (folder / "out").mkdir(parents=True, exist_ok=True)
    (folder / "earful.toml").write_text(CONFIG.format(vectors=vectors), encoding="utf-8")
    write_export(folder, is_later=False)
    people = _read_csv("customers.csv", ",")
    events = _read_csv("events.csv", ",")
    said = {row["Customer number"] for row in _read_csv("survey_2026.csv", ";")[:N_ANSWERS]}
    chosen = [row for row in people if row["Customer ID"] in said]
    chosen += [row for row in people if row["Customer ID"] not in said][: N_CUSTOMERS - len(chosen)]
    ids = {row["Customer ID"] for row in chosen}
    _write_csv(folder / "customers.csv", chosen)
    _write_csv(folder / "events.csv", [row for row in events if row["Customer ID"] in ids])


def write_export(folder: Path, *, is_later: bool) -> None:
    """Write what the sources hold now: the later export has a third more, and changed rows."""
    share = 1.0 if is_later else 2 / 3
    lines = (DEMO / "social_posts.jsonl").read_text(encoding="utf-8").splitlines()
    posts = [json.loads(line) for line in lines[: int(N_POSTS * share)]]
    answers = _read_csv("survey_2026.csv", ";")[: int(N_ANSWERS * share)]
    if is_later:
        for post in posts[:10]:
            post["text"] += " ... still the same, weeks later"
    text = "".join(json.dumps(post, ensure_ascii=False) + "\n" for post in posts)
    (folder / "social.jsonl").write_text(text, encoding="utf-8")
    _write_csv(folder / "survey.csv", answers)


def _read_csv(name: str, delimiter: str) -> list[dict[str, str]]:
    with (DEMO / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def _write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), encoding="utf-8")


def list_files(folder: Path) -> Iterable[Path]:
    """What commands have written for others, below the folder."""
    return sorted(path for path in (folder / "out").rglob("*") if path.is_file())
