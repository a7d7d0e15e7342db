"""Links beyond one key: records of one person, ties, shared keys, answers; on both databases."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.link import link_feedback
from pipelines.linking.merging import RecordKeys, merge_records
from pipelines.linking.probable import make_model
from pipelines.linking.traits import TRAIT_TYPES, Traits, fold_words, hash_traits
from pipelines.runs import Run
from tests.pipelines.conftest import add_rows, read_rows

SECRET = b"a secret for tests, long enough"
NAMELESS = "c" + "0" * 24


def own(customer_id: str, run: Run, **keys: str) -> None:
    """A record of the CRM with an id of its own."""
    hold(customer_id, run, {"customer_id": f"id of {customer_id}", **keys})


def hold(holder: str, run: Run, keys: dict[str, str]) -> None:
    add_rows(run.connection, "customer", {"customer_id": holder})
    for kind, key_hash in keys.items():
        row = {"key_type": kind, "key_hash": key_hash, "customer_id": holder}
        add_rows(run.connection, "customer_key", row)


def say(feedback_id: str, run: Run, **keys: str) -> None:
    add_rows(
        run.connection, "feedback", {"feedback_id": feedback_id, "source": "s", "text": "words"}
    )
    for kind, key_hash in keys.items():
        row = {"feedback_id": feedback_id, "key_type": kind, "key_hash": key_hash}
        add_rows(run.connection, "feedback_key", row)


def links(run: Run) -> dict[str, tuple[Any, ...]]:
    names = ("feedback_id", "customer_id", "link_method", "link_via")
    return {row[0]: row[1:] for row in read_rows(run.connection, "feedback", *names)}


def test_one_person_under_several_keys_is_one_customer(run: Run) -> None:
    own("A", run, email="old", phone="p")
    own("B", run, phone="b")
    hold(NAMELESS, run, {"email": "old"})
    say("by-former", run, email="old")
    # A new address is tied by the id beside it, and a handle by that address.
    say("both", run, customer_id="id of A", email="new")
    say("new", run, email="new", handle="h")
    say("handle", run, handle="h")
    # A phone with another address says too little to tie that address.
    say("home", run, phone="b", email="of whom")
    say("whose", run, email="of whom")
    link_feedback(run)
    assert links(run) == {
        "by-former": ("A", "email", "crm"),
        "both": ("A", "customer_id", "crm"),
        "new": ("A", "email", "feedback"),
        "handle": ("A", "handle", "feedback"),
        "home": ("B", "phone", "crm"),
        "whose": (None, None, None),
    }
    merged = dict(read_rows(run.connection, "customer", "customer_id", "merged_into"))
    assert merged == {"A": None, "B": None, NAMELESS: "A"}
    confidence = dict(read_rows(run.connection, "feedback", "feedback_id", "link_confidence"))
    assert confidence["home"] < 0.95 < confidence["new"] < confidence["both"]
    assert link_feedback(run) == 0


def test_keys_that_several_share_link_nobody_alone_and_one_together(run: Run) -> None:
    own("A", run, email="couple", phone="home")
    own("B", run, email="couple")
    own("C", run, phone="home")
    say("mail", run, email="couple")
    say("mail-and-phone", run, email="couple", phone="home")
    link_feedback(run)
    assert links(run) == {
        "mail": (None, None, None),
        "mail-and-phone": ("A", "several", "crm"),
    }
    assert read_rows(run.connection, "shared_key") == [
        ("email", "couple", 2, 2, "several"),
        ("phone", "home", 2, 1, "several"),
    ]
    offers = read_rows(run.connection, "link_review", "feedback_id", "customer_id", "probability")
    assert sorted(offers) == [("mail", "A", 0.5), ("mail", "B", 0.5)]


def test_a_shops_own_address_is_nobodys(run: Run) -> None:
    own("shop's test account", run, email="shop")
    for number in range(4):
        own(f"C{number}", run, phone=f"p{number}")
        say(f"f{number}", run, customer_id=f"id of C{number}", email="shop")
    say("f9", run, email="shop")
    link_feedback(run, limit=3)
    assert links(run)["f9"] == (None, None, None)
    assert read_rows(run.connection, "shared_key") == [("email", "shop", 4, 5, "many")]
    assert read_rows(run.connection, "link_review") == []
    link_feedback(run, limit=4)
    assert links(run)["f9"] == ("shop's test account", "email", "crm")


def test_an_order_names_its_customer_and_events_wait_for_theirs(run: Run) -> None:
    event = {"event_id": "e1", "kind": "order", "named_customer": "7", "customer_id": "7"}
    add_rows(run.connection, "event", event, {"event_id": "e2", "kind": "login"})
    for event_id, kind, key_hash in (
        *(("e1", "customer_number", "seven"), ("e1", "order", "o1")),
        ("e2", "email", "a"),
    ):
        row = {"event_id": event_id, "key_type": kind, "key_hash": key_hash}
        add_rows(run.connection, "event_key", row)
    say("f1", run, order="o1")
    link_feedback(run)
    assert dict(read_rows(run.connection, "event", "event_id", "customer_id")) == {
        "e1": "7",
        "e2": None,
    }
    assert links(run)["f1"] == (None, None, None)
    own("007", run, customer_number="seven", email="a")
    link_feedback(run)
    assert dict(read_rows(run.connection, "event", "event_id", "customer_id")) == {
        "e1": "007",
        "e2": "007",
    }
    assert links(run)["f1"] == ("007", "order", "order")


def test_answers_stay_answered(run: Run) -> None:
    own("A", run, email="couple")
    own("B", run, email="couple")
    say("f1", run, email="couple", handle="h")
    say("f2", run, handle="h")
    say("f3", run, email="couple")
    answer(run, "1", "f1", "A", "accepted")
    answer(run, "2", "f3", "A", "refused")
    link_feedback(run)
    assert links(run) == {
        "f1": ("A", "review", "review"),
        "f2": ("A", "handle", "feedback"),
        "f3": (None, None, None),
    }
    offers = read_rows(run.connection, "link_review", "feedback_id", "customer_id")
    assert offers == [("f3", "B")]
    answer(run, "3", "f1", "A", "refused")
    link_feedback(run)
    assert links(run)["f1"] == (None, None, None)


def answer(run: Run, number: str, feedback_id: str, customer_id: str, said: str) -> None:
    row = {"answer_id": number, "feedback_id": feedback_id, "customer_id": customer_id}
    add_rows(run.connection, "link_answer", {**row, "answer": said, "at": run.started_at})


def record(customer_id: str, *, own: bool = False, **keys: str) -> RecordKeys:
    hashes = {kind: frozenset({key}) for kind, key in keys.items()}
    return RecordKeys(customer_id, own, hashes)


def test_a_surer_key_parts_what_a_weaker_one_would_join() -> None:
    one, two, home = record("c1", email="a", phone="p"), record("c2", email="b", phone="p"), "p"
    assert merge_records([one, two]) == {}
    assert merge_records([one, record("c3", phone=home)]) == {"c3": "c1"}
    crm = [record("A", own=True, phone="p"), record("B", own=True, phone="p")]
    assert merge_records([*crm, record("c3", phone="p")]) == {}
    assert merge_records([crm[0], record("c3", phone="p")]) == {"c3": "A"}


RECORDS = st.lists(
    st.tuples(st.booleans(), st.sampled_from("abc"), st.sampled_from("pq")), max_size=6
)


@given(RECORDS, st.randoms())
def test_merging_never_joins_two_own_ids_and_minds_no_order(
    drawn: list[tuple[bool, str, str]], chance: Any
) -> None:
    records = [
        record(f"c{number}", own=has_id, email=email, phone=phone)
        for number, (has_id, email, phone) in enumerate(drawn)
    ]
    merged = merge_records(records)
    chance.shuffle(records)
    assert merge_records(records) == merged
    ids = {each.customer_id for each in records if each.has_own_id}
    assert not ids & merged.keys()
    assert not {*merged.values()} & merged.keys()


def test_traits_are_the_same_for_spellings_of_one_person() -> None:
    one = hash_traits(SECRET, Traits("Dana Lévi", "Tel-Aviv", "1984-05-01", "Dana.L@x.com"))
    other = hash_traits(SECRET, Traits("LEVI, Dana", "tel aviv", "5/1984", "danal@y.org"))
    assert one == other
    assert set(one) == {*TRAIT_TYPES} - {"phone_end"}
    assert hash_traits(SECRET, Traits(phone="050-123-4567"), "IL") == hash_traits(
        SECRET, Traits(phone="+972 50 1234567")
    )
    assert fold_words("محمدي") == fold_words("محمدی")
    for written in ("۱۹۸۴/۰۵/۰۱", "١-٥-١٩٨٤", "5/1984"):
        year = hash_traits(SECRET, Traits(birth=written))
        assert year == hash_traits(SECRET, Traits(birth="1984"))
    assert hash_traits(SECRET, Traits(name=" ", birth="12")) == {}


def test_each_comparison_of_the_model_shares_out_all_pairs() -> None:
    chance = {**dict.fromkeys(TRAIT_TYPES, 0.01), "name_word": 0.02}
    for compared in make_model(chance, 0.001)["comparisons"]:
        _, *levels = compared["comparison_levels"]
        for each in ("m_probability", "u_probability"):
            assert abs(sum(level[each] for level in levels) - 1) < 1e-9


def test_splink_offers_who_it_may_be_and_what_they_have_in_common(run: Run) -> None:
    pytest.importorskip("splink", reason="the extra identity is not installed")
    from pipelines.linking.probable import find_probable_links

    letters = [f"{one}{other}" for one in "bcdfghjk" for other in "lmnpqrst"]
    people = {
        f"C{n}": Traits(f"Giv{pair} Fam{pair}", f"Town {pair[0]}", f"{1950 + n % 40}")
        for n, pair in enumerate(letters)
    }
    for customer_id, traits in people.items():
        own(customer_id, run, **hash_traits(SECRET, traits))
    say("typo", run, **hash_traits(SECRET, Traits("fambt, GIVBT", "town b", "1957")))
    say("stranger", run, **hash_traits(SECRET, Traits("Somebody Else", "Town c", "1953")))
    link_feedback(run)
    assert find_probable_links(run.connection, run.run_id, 0.2) == 1
    names = ("feedback_id", "customer_id", "method", "evidence")
    evidence = ["name", "name_first", "name_last", "name_sound", "city", "birth_year"]
    assert read_rows(run.connection, "link_review", *names) == [("typo", "C7", "splink", evidence)]
    assert find_probable_links(run.connection, run.run_id, 0.2) == 0
    answer(run, "1", "typo", "C7", "refused")
    assert find_probable_links(run.connection, run.run_id, 0.2) == 1
    assert read_rows(run.connection, "link_review") == []
