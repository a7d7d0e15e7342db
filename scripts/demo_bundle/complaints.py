"""The complaints: real CFPB narratives put back into the columns of the CFPB's own export."""

import random
from collections import defaultdict
from datetime import datetime
from typing import Any

COLUMNS = (
    "Date received",
    "Product",
    "Sub-product",
    "Issue",
    "Sub-issue",
    "Consumer complaint narrative",
    "Company public response",
    "Company",
    "State",
    "ZIP code",
    "Tags",
    "Consumer consent provided?",
    "Submitted via",
    "Date sent to company",
    "Company response to consumer",
    "Timely response?",
    "Consumer disputed?",
    "Complaint ID",
)
N_WITHOUT_NARRATIVE = 4
_LONGEST = 900  # characters; longer ones would be most of the demo's sentences
_QUOTAS = {  # products that a bank would read about, not the flood about credit reports
    "Checking or savings account": 42,
    "Credit card or prepaid card": 45,
    "Money transfer, virtual currency, or money service": 16,
    "Payday loan, title loan, or personal loan": 10,
    "Mortgage": 25,
    "Debt collection": 30,
}
_N_NARRATIVES = 150


def make_complaints(
    rows: list[dict[str, Any]], rng: random.Random
) -> tuple[list[dict[str, str]], list[str]]:
    """Rows in the export's columns and order, newest first; and the ids without a narrative.

    Columns that the source of these rows does not hold are left empty.
    """
    by_product: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: str(row["id"])):
        if len(row["text"]) <= _LONGEST:
            by_product[row["label"]].append(row)
    picked = []
    for product, quota in _QUOTAS.items():
        pool = by_product[product]
        picked += rng.sample(pool, min(quota, len(pool)))
    rng.shuffle(picked)
    picked = picked[: _N_NARRATIVES + N_WITHOUT_NARRATIVE]
    silent = {row["id"] for row in picked[_N_NARRATIVES:]}
    lines = [_export(row, with_narrative=row["id"] not in silent) for row in picked]
    lines.sort(key=lambda line: (_read_date(line), line["Complaint ID"]), reverse=True)
    return lines, [line["Complaint ID"] for line in lines if not line[COLUMNS[5]]]


def _export(row: dict[str, Any], *, with_narrative: bool) -> dict[str, str]:
    year, month, day = (int(part) for part in row["at"].split("/"))
    known = {
        "Date received": f"{month:02d}/{day:02d}/{year}",
        "Product": row["label"],
        "Issue": row["issue"],
        "Sub-issue": row.get("sub_issue"),
        "Consumer complaint narrative": row["text"] if with_narrative else "",
        "Company": row["brand"],
        "State": row.get("state"),
        "Complaint ID": row["id"].removeprefix("cfpb-"),
    }
    return {column: known.get(column) or "" for column in COLUMNS}


def _read_date(line: dict[str, str]) -> datetime:
    return datetime.strptime(line["Date received"], "%m/%d/%Y")
