"""A report that was changed, that quotes somebody who refuses, or that is old does not hold."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from pipelines import tables
from pipelines.errors import InputError
from pipelines.report.page import write_report
from pipelines.report.verifying import verify_report
from pipelines.store import Store, write_info
from pipelines.stories.claims import (
    Claims,
    describe_claims,
    pack_claims,
    parse_claims,
    unpack_claims,
)
from pipelines.stories.facts import read_fact
from pipelines.stories.lookups import look_up
from pipelines.stories.telling import draft_report, draft_segment_story
from pipelines.stories.verifying import Verification, is_same, verify_claims
from tests.command_line import make_call
from tests.pipelines.stories.told import LATE, MONDAY, VISA

DAMAGED: list[Any] = [[], {"format": 9}, {"format": 1, "facts": [["x", 1]]}]
LANGS = ("en", "he", "ar", "fa")
Changed = Callable[..., list[str]]


def write_claims(connection: Connection) -> dict[str, Any]:
    drafted = [*draft_report(connection, [LATE, VISA]), draft_segment_story(connection, "gold")]
    stories = [each.word(lang) for lang in LANGS for each in drafted]
    value: dict[str, Any] = json.loads(json.dumps(describe_claims(connection, stories, 5)))
    return value


def verify(connection: Connection, value: dict[str, Any]) -> Verification:
    return verify_claims(connection, parse_claims(value))


def kinds_of(found: Verification) -> set[str]:
    return {problem.kind for problem in found.problems}


@pytest.fixture(scope="module")
def claims(told_file: Path) -> dict[str, Any]:
    from pipelines.store import open_store

    store = open_store(f"sqlite:///{told_file}")
    with store.read() as connection:
        return write_claims(connection)


def test_what_was_told_of_a_store_holds_in_every_language(
    told: Connection, claims: dict[str, Any]
) -> None:
    found = verify(told, claims)
    assert (list(found.problems), found.holds) == ([], True)
    n_sentences = sum(len(story["sentences"]) for story in claims["stories"])
    assert found.n_sentences == n_sentences > 4 * 40
    assert found.n_quotes == 4 * 12
    assert found.n_facts == len(claims["facts"])


def test_what_was_told_holds_on_both_databases(told_anywhere: Store) -> None:
    with told_anywhere.read() as connection:
        found = verify(connection, write_claims(connection))
    assert (list(found.problems), found.holds) == ([], True)


def test_every_number_that_is_changed_is_found(told: Connection, claims: dict[str, Any]) -> None:
    facts = [
        [key, value + 1 if isinstance(value, int | float) else value]
        for key, value in claims["facts"]
    ]
    found = verify(told, {**claims, "facts": facts})
    numbers = {(key, value) for key, value in facts if isinstance(value, int | float)}
    assert len(numbers) > 50
    blamed = {(each.fact, each.claimed) for each in found.problems if each.kind == "number"}
    assert blamed == numbers


def test_every_word_that_is_changed_is_found(told: Connection, claims: dict[str, Any]) -> None:
    stories = json.loads(json.dumps(claims["stories"]))
    n = 0
    for story in stories:
        for sentence in story["sentences"]:
            sentence["text"] = sentence["text"].replace("a", "b", 1) + "."
            n += 1
    found = verify(told, {**claims, "stories": stories})
    assert sum(problem.kind == "text" for problem in found.problems) == n


def test_a_changed_quote_is_found_and_its_words_are_not_told_again(
    told: Connection, claims: dict[str, Any]
) -> None:
    (place,) = (n for n, (key, _) in enumerate(claims["facts"]) if key.endswith("f00-0/text"))
    facts = [*claims["facts"]]
    facts[place] = [facts[place][0], "The card came three weeks early and I love it."]
    found = verify(told, {**claims, "facts": facts})
    (problem,) = (each for each in found.problems if each.kind == "quote")
    assert problem.fact == "mention/mention_id=f00-0/text"
    assert (problem.claimed, problem.found) == (None, None)
    assert "three weeks" not in repr(found.problems)


def test_a_quote_of_somebody_who_withdrew_since_is_found(
    told: Connection, claims: dict[str, Any]
) -> None:
    said = {"consent_id": "c1", "customer_id": "gold-0", "status": "withdrawn", "at": MONDAY}
    told.execute(insert(tables.consent).values(purpose="quoting", **said))
    found = verify(told, claims)
    assert not found.is_moved
    assert {problem.kind for problem in found.problems} == {"consent"}
    assert {str(problem.fact).split("/")[1] for problem in found.problems} == {
        *("mention_id=f00-0", "feedback_id=f00")
    }


def test_what_is_gone_is_found(told: Connection, claims: dict[str, Any]) -> None:
    told.execute(delete(tables.mention).where(tables.mention.c.mention_id == "f00-0"))
    told.execute(delete(tables.theme_impact))
    found = verify(told, claims)
    gone = {problem.fact for problem in found.problems if problem.kind == "gone"}
    assert "mention/mention_id=f00-0/text" in gone
    assert any(str(fact).startswith("theme_impact/") for fact in gone)


def test_a_table_that_is_wrong_is_found_by_counting_again(
    told: Connection, claims: dict[str, Any]
) -> None:
    """Table and report agree; the mentions say something else."""
    theme, period = tables.theme, tables.theme_period
    told.execute(update(theme).where(theme.c.theme_id == LATE).values(n_customers=25))
    told.execute(update(period).where(period.c.verdict == "growing").values(n_customers=11))
    found = verify(told, write_claims(told))
    counted = {(p.fact, p.claimed, p.found) for p in found.problems if p.source == "counted"}
    key = f"theme_period/theme_id={LATE};period_start=2026-03-16T00:00:00+00:00;period=week"
    assert counted >= {
        (f"theme/theme_id={LATE}/n_customers", 25, 24),
        (f"{key};segment=all/n_customers", 11, 9),
    }
    told.execute(update(period).where(period.c.verdict == "growing").values(ratio=3.5))
    found = verify(told, write_claims(told))
    assert [p.found for p in found.problems if p.source == "derived"] == [11 / 3.6]


def test_a_store_that_moved_on_is_said_to_have(told: Connection, claims: dict[str, Any]) -> None:
    write_info(told, "data_version", "99")
    told.execute(
        insert(tables.run).values(
            run_id="29990101T000000000abcd", command="run", started_at=MONDAY, status="done"
        )
    )
    found = verify(told, claims)
    assert (found.is_moved, found.holds, list(found.problems)) == (True, False, [])
    assert found.now.run_id == "29990101T000000000abcd" != found.told_of.run_id
    assert "is older than the feedback" in found.notes[0]
    write_info(told, "store_id", "another")
    assert verify(told, claims).is_other_store


def test_facts_about_customers_are_not_looked_up(told: Connection) -> None:
    fact = read_fact("customer_insight/customer_id=gold-0/risk", 0.4)
    assert look_up(told, [fact]) == {fact.id: []}


@pytest.mark.parametrize(
    ("claimed", "found", "same"),
    [
        (1, 1, True),
        (0.1 + 0.2, 0.3, True),
        (0.3, 0.3001, False),
        (3, 3.0, True),
        (3.0, None, False),
        (None, None, True),
        ("3", 3.0, False),
        (12_345_678, 12_345_679, False),
    ],
)
def test_sums_of_floats_may_differ_in_their_last_digits(
    claimed: Any, found: Any, same: bool
) -> None:
    assert is_same(claimed, found) is same


def damage(path: Path, old: str, new: str) -> None:
    """Change the page: in its claims where they hold it, else around them."""
    page = path.read_text(encoding="utf-8")
    (packed,) = re.findall(r'id="claims">"(.*?)"</script>', page)
    text = json.dumps(unpack_claims(packed), ensure_ascii=False)
    if old in text:
        page = page.replace(packed, pack_claims(json.loads(text.replace(old, new))))
    else:
        assert old in page
        page = page.replace(old, new)
    path.write_text(page, encoding="utf-8")


def test_a_page_holds_until_anything_on_it_is_changed(told: Connection, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(told, path)
    whole = path.read_text(encoding="utf-8")
    assert verify_report(told, path).holds
    for old, new, kinds in (
        ("9 voices spoke of", "90 voices spoke of", {"text", "page"}),
        (
            f'theme_id={LATE}/n_customers", 24',
            f'theme_id={LATE}/n_customers", 34',
            {"number", "text", "page"},
        ),
        ("nobody told me why. (א)", "nobody told me how. (א)", {"quote", "page"}),
        ('"score":72.5', '"score":92.5', {"page"}),
    ):
        path.write_text(whole, encoding="utf-8")
        damage(path, old, new)
        assert kinds_of(verify_report(told, path)) == kinds, old
    (problem,) = verify_report(told, path).problems
    assert re.fullmatch(r"line \d+ of the page", problem.where)
    assert (problem.claimed, problem.found) == ("92.5", "72.5")


def test_a_page_of_an_older_store_is_checked_claim_by_claim(
    told: Connection, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    write_report(told, path)
    told.execute(delete(tables.mention).where(tables.mention.c.mention_id == "f29-0"))
    write_info(told, "data_version", "3")
    found = verify_report(told, path)
    assert found.is_moved
    assert kinds_of(found) == {"number"}


def test_a_file_that_is_no_report_is_named(told: Connection, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with pytest.raises(InputError, match="cannot be read"):
        verify_report(told, path)
    path.write_text("<p>Hello", encoding="utf-8")
    with pytest.raises(InputError, match="holds no claims"):
        verify_report(told, path)
    blocks = [json.dumps(pack_claims(each)) for each in DAMAGED]
    for block in (*blocks, "{", '"x"', '"eA=="', "7"):
        text = f'<script type="application/json" id="claims">{block}</script>'
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match="are damaged"):
            verify_report(told, path)


def test_the_command_says_what_does_not_hold_and_ends_with_one(
    told_store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    call = make_call(capsys)
    db, path = (
        ("--db", told_store.url.render_as_string(hide_password=False)),
        tmp_path / "report.html",
    )
    assert call("report", "-o", path, *db).code == 0
    ended = call("report", "--verify", path, *db)
    assert (ended.code, "all of it holds" in ended.out) == (0, True)
    damage(path, "30 feedback items count", "40 feedback items count")
    ended = call("report", "--verify", path, *db)
    assert ended.code == 1
    assert "does not say what its facts say" in ended.out
    with told_store.write() as connection:
        write_info(connection, "data_version", "99")
    ended = call("report", "--verify", path, "--json", *db)
    value = json.loads(ended.out)
    assert (value["is_moved"], value["holds"]) == (True, False)
    ended = call("report", "--verify", path, *db)
    with told_store.read() as connection:
        run_id = connection.execute(select(tables.run.c.run_id)).scalars().all()[-1]
    assert f"this is a report of run {run_id}" in ended.out


def test_claims_survive_being_written_and_read(claims: dict[str, Any]) -> None:
    read: Claims = parse_claims(claims)
    assert [story.lang for story in read.stories] == [lang for lang in LANGS for _ in range(4)]
    assert read.k == 5
