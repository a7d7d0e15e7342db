"""Name groups of themes: by words that their names share, else by the theme that leads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from nlp.themes.wording import Wording, count_stems, fold, load_wording, split_words, stem_of

# A word that so many of the themes are about, and two are called by, tells what the group is about.
_SHARED_BY = 0.75
_NAMED_BY = 2
# The keywords of a theme come best first.
_MAX_KEYWORDS = 5


@dataclass(frozen=True)
class GroupedTheme:
    """A theme of a group, as its naming needs it.

    :param keywords: best first.
    :param is_heading: people gave it its name, and it has no mentions: it is there to lead others.
    """

    name: str
    lang: str | None = None
    keywords: Sequence[str] = ()
    is_named: bool = False
    is_heading: bool = False


@dataclass(frozen=True)
class GroupName:
    """What a group is called.

    :param name: words that its themes share, or the name of the theme that leads it.
    :param lang: of ``name``; None where nobody knows.
    :param n_more: how many further themes are in it, where ``name`` is that of one of them.
    """

    name: str
    lang: str | None
    n_more: int = 0


def name_groups(groups: Sequence[Sequence[GroupedTheme]]) -> list[GroupName]:
    """Name each group apart from its leader where the themes' names say how.

    :param groups: the themes of each group, the one that leads it first.
    """
    taken = {fold(theme.name) for themes in groups for theme in themes}
    shared = [_find_shared_words(themes, taken) for themes in groups]
    keys = _stem_names([themes[0].lang for themes in groups], shared)
    n_alike = Counter(keys)
    return [
        GroupName(words, themes[0].lang) if words and n_alike[key] == 1 else _name_by_leader(themes)
        for themes, words, key in zip(groups, shared, keys, strict=True)
    ]


def _stem_names(langs: Sequence[str | None], names: Sequence[str]) -> list[tuple[str, str]]:
    """Language and stems of each name: the same for "top up" and "top ups"."""
    keys = []
    for lang, name in zip(langs, names, strict=True):
        code = lang or "en"
        same = [other for its, other in zip(langs, names, strict=True) if its == lang]
        stems = count_stems(same, load_wording(code))
        words = (word for run in split_words(name) for word in run)
        keys.append((code, " ".join(stem_of(word, stems) for word in words)))
    return keys


def _name_by_leader(themes: Sequence[GroupedTheme]) -> GroupName:
    leader = themes[0]
    return GroupName(leader.name, leader.lang, 0 if leader.is_heading else len(themes) - 1)


def _find_shared_words(themes: Sequence[GroupedTheme], taken: Collection[str]) -> str:
    """What most of the themes are about, in words of their names; "" where they share nothing.

    :param taken: folded names that it must not have.
    """
    leader = themes[0]
    if leader.is_named or len(themes) < _NAMED_BY:
        return ""
    wording = load_wording(leader.lang or "en")
    same = [theme for theme in themes if theme.lang == leader.lang]
    tops = [(theme.name, *theme.keywords[:_MAX_KEYWORDS]) for theme in same]
    stems = count_stems([text for top in tops for text in top], wording)
    named = [_telling_words(theme.name, wording, stems) for theme in same]
    about = Counter(stem for top in tops for stem in _telling_words("\n".join(top), wording, stems))
    called = Counter(stem for own in named for stem in own)
    wanted = sorted(
        (stem for stem, n in called.items() if n >= _NAMED_BY),
        key=lambda stem: (-about[stem], -called[stem], stem),
    )
    wanted = [stem for stem in wanted if about[stem] >= _SHARED_BY * len(themes)]
    together = set(wanted) if len(wanted) > 1 else ()
    runs = [_find_run(theme.name, together, wording, stems) for theme in same]
    forms = Counter(own[stem] for stem in wanted[:1] for own in named if stem in own)
    single = min(
        forms,
        key=lambda form: (form.startswith(wording.articles), -forms[form], len(form), form),
        default="",
    )
    found = (words for words in (*runs, single) if words and fold(words) not in taken)
    return _capitalize(next(found, ""))


def _telling_words(name: str, wording: Wording, stems: Mapping[str, str]) -> dict[str, str]:
    """Each stem of a name that says something, with the word as it stands there."""
    words = (word for run in split_words(name) for word in run)
    return {stem_of(word, stems): word for word in words if not wording.is_stop(word)}


def _find_run(
    name: str, wanted: Collection[str], wording: Wording, stems: Mapping[str, str]
) -> str:
    """All wanted words as they stand together in a name; "" where others are between them."""
    for run in split_words(name):
        places = [place for place, word in enumerate(run) if stem_of(word, stems) in wanted]
        span = run[places[0] : places[-1] + 1] if places else []
        told = {stem_of(word, stems) for word in span if not wording.is_stop(word)}
        if told == wanted:
            return " ".join(span)
    return ""


def _capitalize(words: str) -> str:
    return words[:1].upper() + words[1:]
