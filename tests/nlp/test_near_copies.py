"""Likes are found whatever the order and whatever came first; a turned meaning is no copy."""

import json
import random
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from nlp.cleaning import normalize_text
from nlp.near_copies import (
    Collisions,
    Sketches,
    are_alike,
    find_collisions,
    find_likes,
    fold_words,
    sketch_texts,
)

CASES = Path(__file__).parents[1] / "cases" / "near_copies.jsonl"
LONG = "The courier left my parcel with a neighbour and nobody told me anything about it"
WORDS = "app delivery slow parcel refund screen login price quality support courier box late kind"


def group(texts: Sequence[str]) -> list[set[int]]:
    """Groups of places with more than one member."""
    sketches = sketch_texts(texts)
    groups = {place: {place} for place in range(len(texts))}
    is_new = np.ones(len(texts), dtype=bool)
    for one, other in find_likes(sketches, is_new, lambda at: [fold_words(texts[i]) for i in at]):
        joined = groups[one] | groups[other]
        groups.update(dict.fromkeys(joined, joined))
    return sorted(
        (each for each in map(set, set(map(frozenset, groups.values()))) if len(each) > 1), key=min
    )


@pytest.mark.parametrize(
    "other",
    [
        LONG.upper(),
        f"{LONG}!!! 😡😡",
        LONG.replace("neighbour", "stranger"),
        LONG.replace("courier", "driver").replace("nobody", "nobody ever"),
        LONG.replace(" about it", ""),
    ],
)
def test_case_punctuation_emoji_and_two_words_make_a_copy(other: str) -> None:
    assert group([LONG, "Something else was said here by somebody about the new app", other]) == [
        {0, 2}
    ]


@pytest.mark.parametrize(
    "one, other",
    [
        ("the food was cold", "the food was good"),
        (LONG, LONG.replace("left my", "did not leave my")),
        (LONG, "The courier brought my parcel to a pickup point and then told me all about it"),
    ],
)
def test_a_short_text_a_turned_one_and_a_third_changed_word_are_no_copies(
    one: str, other: str
) -> None:
    assert group([one, other]) == []


def test_opposites_are_no_copies_of_each_other_through_a_third_text() -> None:
    texts = [
        f"Since the last update the whole app is much {word}on my old tablet at home"
        for word in ("", "faster ", "slower ")
    ]
    assert group(texts) == []


def test_what_a_changed_word_turns_round_is_no_copy_in_any_language() -> None:
    wrong = []
    for case in map(json.loads, CASES.read_text(encoding="utf-8").splitlines()):
        texts = [normalize_text(case[key], case["lang"]) for key in ("one", "other")]
        if bool(group(texts)) != case["is_copy"]:
            wrong.append(case)
    assert wrong == []


def test_words_of_any_script_are_compared() -> None:
    hebrew = "השליח השאיר את החבילה שלי אצל השכן ואף אחד לא הודיע לי על זה"
    arabic = "المندوب ترك الطرد عند الجيران ولم يخبرني أحد بذلك حتى المساء يوم الخميس"
    chinese = "快递员把我的包裹放在邻居家却没有告诉我"
    texts = [hebrew, arabic, chinese]
    changed = [hebrew.replace("השכן", "השכנה"), arabic + " !!", chinese.replace("邻居", "门卫")]
    assert group([*texts, *changed]) == [{0, 3}, {1, 4}, {2, 5}]


def test_new_texts_find_the_old_groups_that_all_together_would_make() -> None:
    """The law: whatever was there before, what is connected in the end is the same."""
    rng = random.Random(3)
    base = [" ".join(rng.choices(WORDS.split(), k=14)) for _ in range(40)]
    texts = base + [" ".join([*text.split()[:-1], "changed"]) for text in base[:20]]
    rng.shuffle(texts)
    sketches = sketch_texts(texts)
    read = lambda places: [fold_words(texts[place]) for place in places]  # noqa: E731
    half = len(texts) // 2
    first = Sketches(*(getattr(sketches, each.name)[:half] for each in fields(Sketches)))
    pairs = [*find_likes(first, np.ones(half, dtype=bool), read)]
    pairs += find_likes(sketches, np.arange(len(texts)) >= half, read)
    assert connect(pairs, len(texts)) == connect(brute_force(texts), len(texts))


def test_a_crowd_that_shares_its_bands_is_grouped_as_one_by_one() -> None:
    """More texts than pairs are listed of, some changed too far; half of them were there before."""
    rng = random.Random(7)
    texts = [f"{LONG} ticket{number}" for number in range(70)]
    texts += [change_words(f"{LONG} ticket{number}", 4, rng) for number in range(30)]
    sketches = sketch_texts(texts)
    read = lambda places: [fold_words(texts[place]) for place in places]  # noqa: E731
    is_new = np.arange(len(texts)) % 2 == 0
    known = [pair for pair in brute_force(texts) if not is_new[list(pair)].any()]
    pairs = [*known, *find_likes(sketches, is_new, read)]
    assert any(crowd for found in _collide(sketches) for crowd in found.crowds)
    assert connect(pairs, len(texts)) == connect(brute_force(texts), len(texts))


def _collide(sketches: Sketches) -> list[Collisions]:
    every = np.ones(len(sketches.folds), dtype=bool)
    return list(find_collisions(sketches.bands, every, every))


def test_texts_that_are_told_apart_by_their_marks_are_not_read_and_change_nothing() -> None:
    rng = random.Random(5)
    vocabulary = [f"word{number}" for number in range(300)]
    texts = [" ".join(rng.choices(vocabulary, k=rng.choice((10, 20, 60)))) for _ in range(300)]
    texts += [change_words(text, n, rng) for text in texts for n in (1, 4, 5, 6)]
    sketches = sketch_texts(texts)
    unmarked = replace(sketches, word_bits=np.zeros_like(sketches.word_bits))

    def find(given: Sketches) -> tuple[list[int], int]:
        asked: set[int] = set()

        def read(places: Sequence[int]) -> list[list[int]]:
            asked.update(places)
            return [fold_words(texts[place]) for place in places]

        pairs = list(find_likes(given, np.ones(len(texts), dtype=bool), read))
        return connect(pairs, len(texts)), len(asked)

    (groups, n_read), (groups_unmarked, n_read_unmarked) = find(sketches), find(unmarked)
    assert groups == groups_unmarked
    assert len(set(groups)) < 0.7 * len(texts)
    assert n_read < n_read_unmarked - 100


def change_words(text: str, n: int, rng: random.Random) -> str:
    words = text.split()
    for _ in range(n):
        at = rng.randrange(len(words))
        words[at : at + rng.choice((0, 1))] = rng.choice(([], [f"new{rng.randrange(99)}"]))
    return " ".join(words)


def brute_force(texts: Sequence[str]) -> list[tuple[int, int]]:
    words = [fold_words(text) for text in texts]
    places = range(len(texts))
    return [(i, j) for i in places for j in places if i < j and are_alike(words[i], words[j])]


def connect(pairs: Sequence[tuple[int, int]], n: int) -> list[int]:
    import networkx as nx

    graph = nx.Graph(pairs)
    graph.add_nodes_from(range(n))
    smallest = {place: min(part) for part in nx.connected_components(graph) for place in part}
    return [smallest[place] for place in range(n)]
