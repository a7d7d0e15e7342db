"""The demo bundle holds what truth.json says, is small, names nobody, and can be built again."""

import csv
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from pipelines.config import RecordsConfig, SourceConfig, load_config
from pipelines.keys import normalize_key

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "tests" / "data" / "demo"
SHARED = ROOT.parent / "shared" / "data"
SCORE = "How likely are you to recommend Nilo? (0-10)"

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    truth: dict[str, Any] = json.loads((DEMO / "truth.json").read_text(encoding="utf-8"))
    return truth


@pytest.fixture(scope="module")
def planted(truth: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {fact["id"]: fact for fact in truth["planted"]}


@pytest.fixture(scope="module")
def tables() -> dict[str, Rows]:
    return read_bundle(DEMO)


@pytest.fixture(scope="module")
def said_at(tables: dict[str, Rows]) -> dict[str, datetime]:
    moments = {f"social:{r['id']}": r["created_at"] for r in tables["social_posts.jsonl"]}
    found = {key: datetime.fromisoformat(text) for key, text in moments.items()}
    for row in tables["app_reviews.xlsx"]:
        found[f"app_reviews:{row['Review ID']}"] = row["Date"].replace(tzinfo=UTC)
    return found


def read_bundle(folder: Path) -> dict[str, Rows]:
    lines = (folder / "social_posts.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    sheet = openpyxl.load_workbook(folder / "app_reviews.xlsx").active
    assert sheet is not None
    header, *cells = sheet.iter_rows(values_only=True)
    return {
        "complaints_cfpb.csv": read_csv(folder / "complaints_cfpb.csv"),
        "survey_2026.csv": read_csv(folder / "survey_2026.csv", ";"),
        "social_posts.jsonl": [json.loads(line) for line in lines],
        "app_reviews.xlsx": [dict(zip(header, row, strict=True)) for row in cells],
        "customers.csv": read_csv(folder / "customers.csv"),
        "events.csv": read_csv(folder / "events.csv"),
    }


def read_csv(path: Path, delimiter: str = ",") -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines, delimiter=delimiter))


def test_the_bundle_is_small_and_every_file_is_in_its_readme() -> None:
    files = [path for path in DEMO.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 6_000_000
    readme = (DEMO / "README.md").read_text(encoding="utf-8")
    missing = [path.name for path in files if path.name != "README.md" and path.name not in readme]
    assert missing == []


def test_the_configuration_names_files_and_columns_that_are_there(tables: dict[str, Rows]) -> None:
    config, folder = load_config(DEMO / "earful.toml")
    entries: list[SourceConfig | RecordsConfig] = [*config.sources, *config.customers]
    entries += config.events
    assert {entry.path for entry in entries} == set(tables)
    assert all((folder / entry.path).is_file() for entry in entries)
    for entry in entries:
        for value in entry.map.values():
            columns = [value] if isinstance(value, str) else value
            names = {column.split(".")[0] for column in columns}  # user.handle is nested
            assert names <= set(tables[entry.path][0]), entry.path


def test_every_file_has_the_rows_that_the_truth_counts(
    truth: dict[str, Any], tables: dict[str, Rows]
) -> None:
    assert {name: len(rows) for name, rows in tables.items()} == {
        name: expected["rows"] for name, expected in truth["rows"].items()
    }


def test_the_rows_without_any_text_are_those_that_the_truth_calls_rejected(
    truth: dict[str, Any], tables: dict[str, Rows]
) -> None:
    columns = {
        "complaints_cfpb.csv": ("Complaint ID", ["Consumer complaint narrative"]),
        "survey_2026.csv": ("Respondent ID", list(tables["survey_2026.csv"][0])[-2:]),
        "social_posts.jsonl": ("id", ["text"]),
        "app_reviews.xlsx": ("Review ID", ["Title", "Review"]),
    }
    for name, (key, texts) in columns.items():
        expected = truth["rows"][name]
        empty = [row[key] for row in tables[name] if not any(row[text] for text in texts)]
        assert empty == expected["rejected_ids"], name
        assert len(empty) == expected["rejected"] > 0
        if name != "app_reviews.xlsx":  # a title and a review are one feedback
            n = sum(bool(row[text]) for row in tables[name] for text in texts)
            assert n == expected["feedback"], name


def test_ids_are_unique_in_each_file(tables: dict[str, Rows]) -> None:
    for name, rows in tables.items():
        if name != "events.csv":
            key = "id" if name == "social_posts.jsonl" else None
            ids = [row[key or find_id(row)] for row in rows]
            assert len(set(ids)) == len(ids), name


def find_id(row: dict[str, Any]) -> str:
    return next(name for name in row if name.endswith(" ID"))


def test_every_language_of_the_posts_has_at_least_150(truth: dict[str, Any]) -> None:
    counts = Counter(label["lang"] for label in truth["labels"]["social"].values())
    assert set(counts) == {"ar", "en", "fa", "he"}
    assert min(counts.values()) >= 150
    assert len({label["lang"] for label in truth["labels"]["app_reviews"].values()}) >= 3


def test_every_item_with_text_has_a_label(truth: dict[str, Any], tables: dict[str, Rows]) -> None:
    posts = {row["id"] for row in tables["social_posts.jsonl"] if row["text"]}
    reviews = {row["Review ID"] for row in tables["app_reviews.xlsx"] if row["Review"]}
    assert posts == set(truth["labels"]["social"])
    assert reviews == set(truth["labels"]["app_reviews"])
    blank = set(truth["rows"]["survey_2026.csv"]["rejected_ids"])
    answered = {row["Respondent ID"] for row in tables["survey_2026.csv"]} - blank
    assert answered == set(truth["labels"]["survey"])


def test_feedback_and_events_lie_within_the_half_year(
    truth: dict[str, Any], tables: dict[str, Rows], said_at: dict[str, datetime]
) -> None:
    first, last = datetime(2026, 5, 1, tzinfo=UTC), datetime.fromisoformat(truth["as_of"])
    last = last.replace(tzinfo=UTC)
    events = [read_utc(row["Date"]) for row in tables["events.csv"]]
    answers = [read_day_first(row["Submitted at"]) for row in tables["survey_2026.csv"]]
    assert all(first <= at < last for at in [*said_at.values(), *events, *answers])


def read_utc(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def read_day_first(text: str) -> datetime:
    return datetime.strptime(text, "%d.%m.%Y %H:%M").replace(tzinfo=UTC)


def test_customers_who_voiced_the_churn_theme_leave_afterwards_and_more_often(
    truth: dict[str, Any],
    planted: dict[str, dict[str, Any]],
    tables: dict[str, Rows],
    said_at: dict[str, datetime],
) -> None:
    fact = planted["churn_theme"]
    left = {
        row["Customer ID"]: read_utc(row["Date"])
        for row in tables["events.csv"]
        if row["Event"] == "churn"
    }
    voiced: dict[str, datetime] = {}
    for source in ("social", "app_reviews"):
        for item, link in truth["links"][source].items():
            if fact["theme"] in truth["labels"][source][item]["themes"]:
                at, key = said_at[f"{source}:{item}"], link["customer_id"]
                voiced[key] = min(at, voiced.get(key, at))
    assert set(voiced) == set(fact["customers"])
    assert {key for key in voiced if key in left} == {
        key for key, row in fact["customers"].items() if row["churned_at"]
    }
    assert all(left[key] > at + timedelta(days=1) for key, at in voiced.items() if key in left)
    n_others = len(tables["customers.csv"]) - len(voiced)
    others = sum(key not in voiced for key in left) / n_others
    assert 0.75 <= sum(key in left for key in voiced) / len(voiced) <= 0.85
    assert 0.06 <= others <= 0.1
    assert len(voiced) >= 60
    assert fact["churn_rate_others"] == pytest.approx(others, abs=1e-4)


def test_english_speakers_are_heard_more_than_the_others(
    truth: dict[str, Any], planted: dict[str, dict[str, Any]], tables: dict[str, Rows]
) -> None:
    heard = {
        link["customer_id"]
        for source, links in truth["links"].items()
        for item, link in links.items()
        if truth["labels"][source][item].get("kind", "post") == "post"
    }
    found: dict[str, list[bool]] = defaultdict(list)
    for row in tables["customers.csv"]:
        found[row["Language"]].append(row["Customer ID"] in heard)
    told = planted["heard"]["by_language"]
    assert {lang: (each["n_customers"], each["n_heard"]) for lang, each in told.items()} == {
        lang: (len(each), sum(each)) for lang, each in found.items()
    }
    shares = {lang: sum(each) / len(each) for lang, each in found.items()}
    assert shares["en"] > 0.5
    assert shares["he"] < 0.35


def test_nothing_happens_to_a_customer_after_leaving(
    truth: dict[str, Any], tables: dict[str, Rows], said_at: dict[str, datetime]
) -> None:
    last: dict[str, str] = {}
    for row in tables["events.csv"]:
        assert last.get(row["Customer ID"]) != "churn"
        last[row["Customer ID"]] = row["Event"]
    left = {
        row["Customer ID"]: read_utc(row["Date"])
        for row in tables["events.csv"]
        if row["Event"] == "churn"
    }
    for source in ("social", "app_reviews"):
        for item, link in truth["links"][source].items():
            at = left.get(link["customer_id"])
            assert at is None or said_at[f"{source}:{item}"] < at


def test_the_late_theme_is_said_in_the_last_three_weeks_only(
    truth: dict[str, Any], planted: dict[str, dict[str, Any]], said_at: dict[str, datetime]
) -> None:
    fact = planted["late_theme"]
    items = [
        f"{source}:{item}"
        for source in ("social", "app_reviews")
        for item, label in truth["labels"][source].items()
        if fact["theme"] in label["themes"]
    ]
    assert items == fact["feedback"]
    start = datetime.fromisoformat(fact["starts_at"])
    assert date.fromisoformat(truth["as_of"]) - start.date() <= timedelta(days=21)
    assert min(said_at[item] for item in items) >= start
    assert set(fact["n_by_language"]) >= {"ar", "en", "fa", "he"}


def test_every_other_theme_is_level_over_the_half_year(
    truth: dict[str, Any], planted: dict[str, dict[str, Any]], said_at: dict[str, datetime]
) -> None:
    weeks: dict[str, Counter[bool]] = defaultdict(Counter)
    start = datetime.fromisoformat(planted["late_theme"]["starts_at"])
    for source in ("social", "app_reviews"):
        for item, label in truth["labels"][source].items():
            for theme in label["themes"]:
                weeks[theme][said_at[f"{source}:{item}"] >= start] += 1
    share = 20 / 184
    for theme, counts in weeks.items():
        if theme != planted["late_theme"]["theme"]:
            n = counts.total()
            assert abs(counts[True] - n * share) < 2.5 * (n * share) ** 0.5 + 1, theme


def test_the_repeater_writes_the_same_words_ten_times_in_a_few_days(
    planted: dict[str, dict[str, Any]], tables: dict[str, Rows], said_at: dict[str, datetime]
) -> None:
    fact = planted["repeater"]
    same = [row for row in tables["social_posts.jsonl"] if row["text"] == fact["text"]]
    assert sorted(row["id"] for row in same) == fact["source_ids"]
    assert len(same) == 10
    assert len({row["user"]["handle"].casefold() for row in same}) == 1
    moments = [said_at[f"social:{row['id']}"] for row in same]
    assert max(moments) - min(moments) <= timedelta(days=5)


def test_one_customer_is_heard_in_three_sources_and_three_languages(
    truth: dict[str, Any], planted: dict[str, dict[str, Any]]
) -> None:
    fact = planted["three_sources"]
    items = [item.split(":") for item in fact["feedback"]]
    assert all(truth["links"][s][i]["customer_id"] == fact["customer_id"] for s, i in items)
    assert {source for source, _ in items} == {"social", "app_reviews", "survey"}
    assert len(fact["languages"]) >= 3


def test_the_links_follow_from_the_keys_in_the_files(
    truth: dict[str, Any], tables: dict[str, Rows]
) -> None:
    """The truth is found again from the files alone, with every spelling undone."""
    columns = {"customer_id": "Customer ID", "email": "E-mail", "phone": "Phone"}
    columns["handle"] = "Social handle"
    owners = {
        (kind, normalize_key(kind, row[column], row["Country"])): row["Customer ID"]
        for row in tables["customers.csv"]
        for kind, column in columns.items()
        if row[column]
    }
    assert None not in {key for _, key in owners}
    found = {
        "survey": {
            row["Respondent ID"]: {
                "customer_id": row["Customer number"],
                "email": row["E-mail"],
                "phone": row["Phone (if you want a call back)"],
            }
            for row in tables["survey_2026.csv"]
        },
        "social": {r["id"]: {"handle": r["user"]["handle"]} for r in tables["social_posts.jsonl"]},
        "app_reviews": {
            row["Review ID"]: {"email": row["User e-mail"]} for row in tables["app_reviews.xlsx"]
        },
    }
    for source, items in found.items():
        links = {}
        for item, keys in items.items():
            for kind, value in keys.items():
                owner = owners.get((kind, normalize_key(kind, value))) if value else None
                if owner:
                    links[item] = {"customer_id": owner, "by": kind}
                    break
        spoken = {k: link for k, link in links.items() if k in truth["labels"][source]}
        assert spoken == truth["links"][source], source


def test_a_good_part_of_the_posts_is_linked_and_no_spam_is(truth: dict[str, Any]) -> None:
    linked, labels = truth["links"]["social"], truth["labels"]["social"]
    assert 0.5 <= len(linked) / len(labels) <= 0.65
    assert {labels[item]["kind"] for item in linked} == {"post"}
    assert {label["kind"] for label in labels.values()} == {"post", "spam", "copy", "low_effort"}


def test_complaints_are_in_the_export_columns_and_linked_to_nobody(
    truth: dict[str, Any], tables: dict[str, Rows]
) -> None:
    rows = tables["complaints_cfpb.csv"]
    assert len(rows[0]) == 18
    assert all(re.fullmatch(r"\d\d/\d\d/20\d\d", row["Date received"]) for row in rows)
    assert "complaints" not in truth["links"]
    assert any("XXXX" in row["Consumer complaint narrative"] for row in rows)


def test_customers_who_complained_score_lower(
    truth: dict[str, Any], tables: dict[str, Rows]
) -> None:
    unhappy = {
        link["customer_id"]
        for source in ("social", "app_reviews")
        for item, link in truth["links"][source].items()
        if truth["labels"][source][item]["sentiment"] == "negative"
    }
    scores: dict[bool, list[int]] = {True: [], False: []}
    for row in tables["survey_2026.csv"]:
        link = truth["links"]["survey"].get(row["Respondent ID"])
        if link and row[SCORE]:
            scores[link["customer_id"] in unhappy].append(int(row[SCORE]))
    means = {key: sum(values) / len(values) for key, values in scores.items()}
    assert means[True] + 2 < means[False]


def test_the_workbook_keeps_dates_numbers_and_leading_zeros(tables: dict[str, Rows]) -> None:
    rows = tables["app_reviews.xlsx"]
    assert all(isinstance(row["Date"], datetime) for row in rows)
    assert all(isinstance(row["Stars"], int) and 1 <= row["Stars"] <= 5 for row in rows)
    assert any(str(row["Device code"]).startswith("00") for row in rows)
    assert all(isinstance(row["Device code"], str) for row in rows)


def test_addresses_and_numbers_are_of_the_kinds_kept_for_fiction(tables: dict[str, Rows]) -> None:
    text = "\n".join(
        str(value)
        for name, rows in tables.items()
        if name not in {"complaints_cfpb.csv", "events.csv"}
        for row in rows
        for column, value in row.items()
        if value and column not in {"id", "created_at", "Submitted at", "Date", "Customer since"}
    )
    mails = re.findall(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)", text)
    assert {domain.casefold() for domain in mails} == {"example.com", "example.net", "example.org"}
    sites = re.findall(r"https?://[^\s/'\"]+", text)
    assert {
        site
        for site in sites
        if not site.endswith(tuple(f".example.{end}" for end in ("com", "net", "org")))
    } == set()
    digits = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")
    numbers = re.findall(r"\+?\(?\d[\d ().-]{7,}\d", text.translate(digits))
    strange = {number for number in numbers if not FICTION.search(re.sub(r"\D", "", number))}
    assert strange == set()


FICTION = re.compile(
    r"""^(?:
    1?\d{3}55501\d\d                                            # United States
    |(?:44|0)(?:7700900\d{3}|1632960\d{3}|2079460\d{3})         # United Kingdom
    |(?:33|0)(?:63998\d{4}|19900\d{4})                          # France
    |(?:49|0)(?:3023125\d{3}|6990009\d{3}|4066969\d{3}|2214710\d{3}|17139200\d\d)  # Germany
    |(?:972|0)5[024]000\d{4} |9715[056]000\d{4} |2010[01]000\d{4}
    |989(?:12|35)000\d{4} |346(?:00|11)000\d{3}
    )$""",
    re.VERBOSE,
)


def test_the_generator_builds_the_bundle_again_byte_for_byte(tmp_path: Path) -> None:
    if not (SHARED / "themes").is_dir():
        pytest.skip(f"the public data are not there: {SHARED}")
    script = ROOT / "scripts" / "make_demo_data.py"
    command = [sys.executable, str(script), "--data", str(SHARED), "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    built = sorted(path.name for path in tmp_path.iterdir())
    assert len(built) == 7
    for name in built:
        if name.endswith(".xlsx"):
            assert read_bundle(tmp_path)[name] == read_bundle(DEMO)[name]
        else:
            assert (tmp_path / name).read_bytes() == (DEMO / name).read_bytes(), name
