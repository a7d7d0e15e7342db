"""The main job on the demo bundle, with the real models: what was planted is found."""

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from pipelines import tables
from pipelines.store import open_store
from tests.pipelines.store_contents import read_contents

pytestmark = [pytest.mark.model, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "tests" / "data" / "demo"
# A theme speaks of what was planted when at least this share of its hand-labelled mentions does.
MAJORITY = 0.5
# Short posts in seven languages: a theme is about what most of its posts say, if a third says it.
PLURALITY = 0.33


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DEMO / "truth.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def planted(truth: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {fact["id"]: fact for fact in truth["planted"]}


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Path:
    """A folder where the main job has run on the bundle."""
    folder = tmp_path_factory.mktemp("demo")
    done = call_earful(folder, model_cache, "run", "--config", str(DEMO / "earful.toml"), "--json")
    assert done.returncode == 3, done.stderr  # the bundle has rows without text on purpose
    (folder / "run.json").write_text(done.stdout)
    return folder


def call_earful(
    folder: Path, model_cache: Path, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if "EARFUL" not in key}
    environment |= {
        "EARFUL_CACHE": str(model_cache),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [sys.executable, "-m", "pipelines", *arguments, "--db", f"{folder}/earful.db"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def demo(demo_folder: Path) -> Iterator[Connection]:
    store = open_store(f"sqlite:///{demo_folder}/earful.db")
    with store.read() as connection:
        yield connection
    store.engine.dispose()


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(text(query))]


def test_every_row_of_every_file_is_accounted_for(
    demo: Connection, demo_folder: Path, truth: dict[str, Any]
) -> None:
    feedback = dict(rows(demo, "SELECT source, count(*) FROM feedback GROUP BY source"))
    rejected = dict(rows(demo, "SELECT file, count(*) FROM rejected GROUP BY file"))
    for file, told in truth["rows"].items():
        if "feedback" in told:
            assert feedback[told["source"]] == told["feedback"]
            assert rejected[file] == told["rejected"]
    counts = json.loads((demo_folder / "run.json").read_text())
    assert counts["n_read"] == sum(feedback.values()) + sum(rejected.values())
    assert counts["n_customers"] == truth["rows"]["customers.csv"]["rows"]
    assert counts["n_events"] == truth["rows"]["events.csv"]["rows"]
    assert rows(demo, "SELECT count(*) FROM event") == [(counts["n_events"],)]


def test_languages_are_told(demo: Connection, truth: dict[str, Any]) -> None:
    found = defaultdict(dict)
    for source, source_id, lang in rows(demo, "SELECT source, source_id, lang FROM feedback"):
        found[source][source_id] = lang
    right = [
        (label["lang"], found[source][source_id] == label["lang"])
        for source in ("social", "app_reviews")
        for source_id, label in truth["labels"][source].items()
    ]
    for lang in ("en", "he", "ar", "fa"):
        told = [is_right for given, is_right in right if given == lang]
        assert sum(told) / len(told) >= 0.93, lang


def test_mentions_in_four_languages_have_a_feeling_and_mostly_a_theme(demo: Connection) -> None:
    query = """
        SELECT m.lang, count(*), count(sentiment), count(theme_id)
        FROM mention m JOIN feedback f ON f.feedback_id = m.feedback_id
        WHERE f.noise_reason IS NULL AND m.lang IN ('en', 'he', 'ar', 'fa') GROUP BY m.lang
    """
    found = {lang: counts for lang, *counts in rows(demo, query)}
    assert found.keys() == {"en", "he", "ar", "fa"}
    for lang, (n, n_felt, n_themed) in found.items():
        assert n >= 150, lang
        assert n_felt == n, lang
        assert n_themed > n / 2, lang


def test_the_feeling_is_mostly_that_of_the_hand_labels(
    demo: Connection, truth: dict[str, Any]
) -> None:
    query = "SELECT source_id, sentiment_score FROM v_feedback WHERE source = 'social'"
    labels = truth["labels"]["social"]
    by_lang: dict[str, list[bool]] = defaultdict(list)
    for source_id, score in rows(demo, query):
        label = labels.get(source_id)
        if label and score is not None and label["sentiment"] in ("negative", "positive"):
            by_lang[label["lang"]].append((score > 0) == (label["sentiment"] == "positive"))
    for lang in ("en", "he", "ar", "fa"):
        # The first head reaches .79 to .86 on public Hebrew and Persian sets (its card).
        assert sum(by_lang[lang]) / len(by_lang[lang]) >= 0.65, lang


def test_a_theme_is_spoken_of_in_several_languages(demo: Connection) -> None:
    query = """
        SELECT theme_id, count(DISTINCT lang) FROM mention
        WHERE theme_id IS NOT NULL AND lang IN ('en', 'he', 'ar', 'fa', 'es', 'de', 'fr')
        GROUP BY theme_id HAVING count(*) >= 20
    """
    spans = [n for _, n in rows(demo, query)]
    assert sum(n >= 2 for n in spans) >= 3
    assert max(spans) >= 4


def test_every_theme_has_a_name_keywords_and_verbatim_quotes(demo: Connection) -> None:
    named = rows(demo, "SELECT theme_id, name, description, keywords FROM theme")
    names = [name.casefold() for _, name, _, _ in named]
    assert len(names) == len(set(names)) >= 10
    quotes = Counter(theme_id for (theme_id,) in rows(demo, "SELECT theme_id FROM theme_quote"))
    for theme_id, name, description, keywords in named:
        assert name.strip()
        assert "<" not in name
        assert description
        assert json.loads(keywords)
        assert 1 <= quotes[theme_id] <= 3
    unlike = rows(
        demo,
        "SELECT count(*) FROM theme_quote q JOIN mention m ON m.mention_id = q.mention_id "
        "WHERE q.text <> m.text OR m.theme_id <> q.theme_id",
    )
    assert unlike == [(0,)]


def test_feedback_is_linked_to_the_right_customers(demo: Connection, truth: dict[str, Any]) -> None:
    query = "SELECT source, source_id, customer_id, link_method FROM feedback"
    linked = {(s, i): (c, by) for s, i, c, by in rows(demo, query) if c is not None}
    told = {
        (source, source_id): (link["customer_id"], link["by"])
        for source, links in truth["links"].items()
        for source_id, link in links.items()
    }
    assert linked == told


def test_no_contact_of_the_crm_is_in_the_store(demo_folder: Path, demo: Connection) -> None:
    with (DEMO / "customers.csv").open(encoding="utf-8") as file:
        people = list(csv.DictReader(file))
    store = b"".join(path.read_bytes() for path in demo_folder.glob("earful.db*"))
    contacts = {person["E-mail"].lower() for person in people if person["E-mail"]}
    assert contacts
    kept = {found.decode().lower() for found in re.findall(rb"[\w.+-]+@[\w-]+\.[a-z]{2,}", store)}
    assert not contacts & kept
    digits = {re.sub(r"\D", "", person["Phone"]) for person in people if person["Phone"]}
    numbers = re.findall(rb"\+?\d[\d ()-]{8,}\d", store)
    assert not digits & {re.sub(rb"\D", b"", number).decode() for number in numbers}


def planted_themes(
    demo: Connection, truth: dict[str, Any], theme: str, share: float = MAJORITY
) -> set[str]:
    """Themes whose hand-labelled mentions are about a planted theme: its largest label."""
    query = "SELECT source, source_id, theme_id FROM feedback JOIN mention USING (feedback_id)"
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for source, source_id, theme_id in rows(demo, query + " WHERE theme_id IS NOT NULL"):
        label = truth["labels"].get(source, {}).get(source_id, {})
        if label.get("kind", "post") == "post":
            labels[theme_id].update(label.get("themes", []))
    return {
        theme_id
        for theme_id, counts in labels.items()
        if counts[theme] >= 8
        and counts[theme] == max(counts.values())
        and counts[theme] / counts.total() >= share
    }


def test_the_theme_of_the_last_three_weeks_is_found_and_called_emerging(
    demo: Connection, truth: dict[str, Any], planted: dict[str, Any]
) -> None:
    late = planted["late_theme"]
    themes = planted_themes(demo, truth, late["theme"])
    assert themes
    marks = ",".join(f"'{theme_id}'" for theme_id in themes)
    said = rows(
        demo,
        "SELECT count(*), sum(f.occurred_at >= '2026-10-12') FROM mention m "
        f"JOIN feedback f USING (feedback_id) WHERE m.theme_id IN ({marks})",
    )
    n, n_late = said[0]
    assert n >= 40
    assert n_late / n >= 0.6
    verdicts = {
        each for (each,) in rows(demo, f"SELECT verdict FROM theme WHERE theme_id IN ({marks})")
    }
    assert "emerging" in verdicts


def test_no_other_theme_is_called_emerging_and_few_are_called_a_trend(
    demo: Connection, truth: dict[str, Any], planted: dict[str, Any]
) -> None:
    late = planted_themes(demo, truth, planted["late_theme"]["theme"])
    query = "SELECT theme_id, verdict FROM theme WHERE verdict IN ('emerging', 'growing')"
    others = [verdict for theme_id, verdict in rows(demo, query) if theme_id not in late]
    assert others in ([], ["growing"])


def test_what_is_new_and_widely_said_deserves_attention_first(
    demo: Connection, truth: dict[str, Any], planted: dict[str, Any]
) -> None:
    late = planted_themes(demo, truth, planted["late_theme"]["theme"])
    query = "SELECT theme_id, signal_score, signal_growth FROM v_theme ORDER BY 2 DESC LIMIT 1"
    (theme_id, score, growth) = rows(demo, query)[0]
    assert theme_id in late
    assert 40 < score <= 100
    assert growth > 10


def test_only_the_planted_theme_differs_between_versions_and_only_after_the_update(
    demo: Connection, truth: dict[str, Any], planted: dict[str, Any]
) -> None:
    late = planted_themes(demo, truth, planted["late_theme"]["theme"])
    query = """
        SELECT theme_id, value, share FROM comparison
        WHERE dimension = 'version' AND theme_id <> '' AND share_q <= 0.05
    """
    found = rows(demo, query)
    assert found
    assert {theme_id for theme_id, _, _ in found} <= late
    assert {value[:3] for _, value, share in found if share > 0.2} == {"5.2"}


def test_what_makes_customers_leave_is_among_the_first_to_fix(
    demo: Connection, truth: dict[str, Any], planted: dict[str, Any]
) -> None:
    silence = planted_themes(demo, truth, planted["churn_theme"]["theme"], PLURALITY)
    query = "SELECT theme_id, outcome, gain_low FROM priority WHERE segment = 'all' AND rank <= 5"
    first = rows(demo, query)
    churning = {theme_id for theme_id, outcome, _ in first if outcome.startswith("churn")}
    assert churning & silence
    assert all(low > 0 for _, _, low in first)


def test_who_is_heard_is_as_planted(demo: Connection, planted: dict[str, Any]) -> None:
    query = "SELECT value, n_customers, n_heard, representation_low, representation_high, note "
    found = {
        value: told for value, *told in rows(demo, query + "FROM coverage WHERE dimension = 'lang'")
    }
    truth = planted["heard"]["by_language"]
    assert found.keys() == truth.keys()
    for lang, (n_customers, n_heard, *_) in found.items():
        assert n_customers == truth[lang]["n_customers"]
        assert abs(n_heard - truth[lang]["n_heard"]) <= 3, lang
    assert found["en"][2] > 1 > found["he"][3]


def test_who_gets_no_answer_leaves_more_often(
    demo: Connection, truth: dict[str, Any], planted: dict[str, Any]
) -> None:
    themes = planted_themes(demo, truth, planted["churn_theme"]["theme"], PLURALITY)
    assert themes
    marks = ",".join(f"'{theme_id}'" for theme_id in themes)
    voiced = {
        customer_id
        for (customer_id,) in rows(
            demo, f"SELECT customer_id FROM customer_theme WHERE theme_id IN ({marks})"
        )
    }
    left = {each for (each,) in rows(demo, "SELECT customer_id FROM event WHERE kind = 'churn'")}
    everybody = {each for (each,) in rows(demo, "SELECT customer_id FROM customer")}
    others = everybody - voiced
    assert len(voiced) >= 20
    assert len(voiced & left) / len(voiced) >= 2 * len(others & left) / len(others)


def test_what_leaves_with_no_answer_is_estimated_all_else_equal(
    demo: Connection, truth: dict[str, Any], planted: dict[str, Any]
) -> None:
    themes = planted_themes(demo, truth, planted["churn_theme"]["theme"], PLURALITY)
    query = "SELECT theme_id, effect, low, q_value FROM theme_impact WHERE outcome = 'churn_90'"
    found = {key: row for key, *row in rows(demo, query) if row[0] is not None}
    own = [found[key] for key in themes if key in found]
    assert own
    assert all(effect > 0.05 for effect, _, _ in own)
    assert sum(low > 0 for _, low, _ in own) >= len(own) / 2
    others = [q for key, (_, _, q) in found.items() if key not in themes]
    assert len(others) >= 20
    assert sum(q <= 0.05 for q in others) <= 1


def test_ten_times_the_same_is_one_voice(demo: Connection, planted: dict[str, Any]) -> None:
    repeater = planted["repeater"]
    marks = ",".join(f"'{source_id}'" for source_id in repeater["source_ids"])
    told = rows(
        demo,
        "SELECT noise_reason, count(*), count(DISTINCT duplicate_of) FROM feedback "
        f"WHERE source = 'social' AND source_id IN ({marks}) GROUP BY noise_reason",
    )
    assert sorted(told, key=str) == [("copy", 9, 1), (None, 1, 0)]
    customer = repeater["customer_id"]
    n_feedback = rows(
        demo, f"SELECT n_feedback FROM customer_insight WHERE customer_id = '{customer}'"
    )
    n_counted = rows(
        demo,
        f"SELECT count(*) FROM feedback WHERE noise_reason IS NULL AND customer_id = '{customer}'",
    )
    assert n_feedback == n_counted
    assert n_feedback[0][0] < 10


def test_a_customer_heard_in_three_sources_has_one_row(
    demo: Connection, planted: dict[str, Any]
) -> None:
    fact = planted["three_sources"]
    row = rows(
        demo,
        "SELECT n_feedback, last_feedback_at, evidence FROM v_customer "
        f"WHERE customer_id = '{fact['customer_id']}'",
    )
    assert len(row) == 1
    n_feedback, last, evidence = row[0]
    assert n_feedback >= len(fact["feedback"])
    assert last is not None
    assert json.loads(evidence)


def test_insight_rows_are_of_customers_and_hold_their_own_mentions(demo: Connection) -> None:
    insight, feedback = tables.customer_insight.c, tables.feedback.c
    owners = dict(
        demo.execute(
            select(tables.mention.c.mention_id, feedback.customer_id).join(
                tables.feedback, feedback.feedback_id == tables.mention.c.feedback_id
            )
        ).all()
    )
    found = demo.execute(select(insight.customer_id, insight.evidence)).all()
    assert len(found) >= 500
    for customer_id, evidence in found:
        assert evidence
        assert {owners[mention_id] for mention_id in evidence} == {customer_id}


def test_a_second_run_is_quick_to_say_that_nothing_is_new(
    demo_folder: Path, model_cache: Path
) -> None:
    before = read_contents(f"sqlite:///{demo_folder}/earful.db", {"run"}, {})
    done = call_earful(
        demo_folder, model_cache, "run", "--config", str(DEMO / "earful.toml"), "--json"
    )
    counts = json.loads(done.stdout)
    assert (done.returncode, counts["n_new"], counts["n_updated"]) == (3, 0, 0)
    assert read_contents(f"sqlite:///{demo_folder}/earful.db", {"run"}, {}) == before


def test_the_report_of_the_demo_is_one_page_without_requests(
    demo_folder: Path, model_cache: Path
) -> None:
    done = call_earful(demo_folder, model_cache, "report", "-o", "report.html")
    assert done.returncode == 0, done.stderr
    page = (demo_folder / "report.html").read_text(encoding="utf-8")
    assert len(page.encode()) < 2_000_000
    assert 'dir="rtl"' in page
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)|url\((?!data:)|@import""", page)


def test_the_commands_that_look_show_the_demo(demo_folder: Path, model_cache: Path) -> None:
    listed = json.loads(call_earful(demo_folder, model_cache, "themes", "list", "--json").stdout)
    assert len(listed) >= 10
    scores = [theme["signal_score"] for theme in listed]
    assert scores == sorted(scores, reverse=True)
    shown = call_earful(demo_folder, model_cache, "themes", "show", listed[0]["theme_id"])
    assert listed[0]["theme_id"] in shown.stdout
    status = json.loads(call_earful(demo_folder, model_cache, "status", "--json").stdout)
    assert status["rejected"] == {"no_text": 18}
    assert status["last_run"]["status"] == "done"
