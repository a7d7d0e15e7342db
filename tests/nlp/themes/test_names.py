import json
from pathlib import Path

import numpy as np
import pytest

from nlp.themes.names import ThemeName, name_themes
from nlp.themes.phrases import find_phrases
from nlp.themes.wording import count_stems, load_wording

CASES = Path(__file__).parents[2] / "cases" / "theme_names.jsonl"
EXPECTED = [
    "Card declined",
    "Dark mode",
    "Refund",
    "הכרטיס לא הגיע",
    "שירות הלקוחות",
    "رسوم السحب",
    "الحوالة معلقة",
    "اثر انگشت",
    "پشتیبانی",
]


@pytest.fixture(scope="module")
def members() -> list[dict[str, object]]:
    return [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]


def _name(members) -> list[ThemeName]:
    themes = [row["theme"] for row in members]
    centres = np.eye(16)[themes] + 0.01 * np.array(
        [[len(row["text"]) % (column + 2) for column in range(16)] for row in members]
    )
    vectors = (centres / np.linalg.norm(centres, axis=1, keepdims=True)).astype(np.float16)
    langs = [row["lang"] for row in members]
    return name_themes([row["text"] for row in members], langs, vectors, themes, 9)


@pytest.mark.model
def test_themes_are_named_as_a_person_would(members) -> None:
    names = [theme.name for theme in _name(members)]
    for name, wanted in zip(names, EXPECTED, strict=True):
        assert name.startswith(wanted), names


@pytest.mark.model
def test_names_keep_the_rules(members) -> None:
    named = _name(members)
    assert len({theme.name.casefold() for theme in named}) == len(named)
    for theme in named:
        words = theme.name.replace(",", "").replace("،", "").split()
        assert 1 <= len(words) <= 5
        assert not all(load_wording(theme.lang).is_stop(word) for word in words)
        assert not {"@user", "http", "user"} & {word.casefold() for word in words}
        assert 1 <= len(theme.keywords) <= 8
        assert theme.keywords[0] in theme.description


@pytest.mark.model
def test_the_order_of_the_members_does_not_change_a_name(members) -> None:
    order = np.random.default_rng(3).permutation(len(members))
    assert _name([members[row] for row in order]) == _name(members)


def test_a_theme_is_named_in_the_language_of_most_members() -> None:
    texts = ["טיסה התעכבה", "הטיסה התעכבה מאוד", "טיסה התעכבה שוב", "flight delayed"]
    named = name_themes(texts, ["he", "he", "he", "en"], np.eye(4, dtype=np.float16), [0] * 4, 1)
    assert named[0].lang == "he" and "טיסה" in named[0].name


def test_a_theme_whose_main_language_has_no_phrase_is_named_in_the_next() -> None:
    texts = ["כן, בדקתי אצל השכנים.", "אולי מחר", "נגמר לי", "odd statement", "my statement lies"]
    texts = ["למה ככה", *texts, "what is a statement"]
    langs = ["he"] * 4 + ["en"] * 3
    vectors = np.eye(7, dtype=np.float16)
    (named,) = name_themes(texts, langs, vectors, [0] * 7, 1)
    assert (named.name, named.lang) == ("Statement", "he")
    # Nor that: the beginning of a text, as a name is written.
    (named,) = name_themes(texts[:3], langs[:3], vectors[:3], [0] * 3, 1)
    assert named.name in {"למה ככה", "כן, בדקתי אצל השכנים", "אולי מחר"}


def test_a_theme_without_members_has_no_name() -> None:
    named = name_themes([], [], np.zeros((0, 4), dtype=np.float16), [], 1)
    assert named == [ThemeName("", (), "", "en")]


@pytest.mark.parametrize("lang", ["en", "he", "ar", "fa", "de", "es", "fr", "xx"])
def test_every_language_has_words_or_falls_back_to_english(lang: str) -> None:
    wording = load_wording(lang)
    assert "{keywords}" in wording.description and "{quote}" in wording.description
    assert bool(wording.stop_words) == (lang != "xx")


def test_particles_are_taken_off_stop_words() -> None:
    assert load_wording("he").is_stop("ואני")
    assert load_wording("ar").is_stop("وأنا")
    assert not load_wording("he").is_stop("כרטיס")


@pytest.mark.parametrize("lang", ["he", "ar", "fa", "ru"])
def test_articles_of_other_languages_name_nothing_in_another_script(lang: str) -> None:
    wording = load_wording(lang)
    assert wording.is_stop("la") and wording.is_stop("the") and not wording.is_stop("app")
    assert not load_wording("es").is_stop("the")


@pytest.mark.parametrize(
    ("lang", "texts", "stem"),
    [
        ("ar", ["سرق هاتفي", "الهاتف المفقود"], "هاتف"),
        ("ar", ["فقدت بطاقتي", "بطاقة جديدة"], "بطاقه"),
        ("he", ["העמלות עלו", "עמלה נוספת"], "עמלה"),
    ],
)
def test_forms_of_a_word_have_one_stem(lang: str, texts: list[str], stem: str) -> None:
    stems = count_stems(texts, load_wording(lang))
    assert [each for each in stems.values() if each == stem] == [stem, stem]


def test_a_light_verb_ends_a_phrase() -> None:
    phrases = find_phrases(["کارت رد شد و سفرم خراب شد"], load_wording("fa"))[0]
    assert phrases["رد کارت"] == "کارت رد شد"
    assert not any("شد و" in shown for shown in phrases.values())


def test_the_word_alone_names_what_is_said_in_many_ways() -> None:
    ways = ["cost", "paid", "grew", "hurt", "hid", "rose"]
    texts = [f"the parking {way} {name}" for way, name in zip(ways, "abcdef", strict=True)]
    others = [f"my flight was late {name}" for name in "ghijkl"]
    vectors = np.eye(12, dtype=np.float16)
    named = name_themes([*texts, *others], ["en"] * 12, vectors, [0] * 6 + [1] * 6, 2)
    assert named[0].name == "Parking"
