"""What questions of surveys say that ask for a rating, in many languages."""

from dataclasses import dataclass
from functools import cache, lru_cache

from pipelines.folding import fold_name
from pipelines.resources import load_config

# Beside the scores of names: less than the plain name has, and more than a part of one. Of several
# questions the recommendation counts (what surveys are held for), then what is asked of the whole.
_RECOMMENDS, _OVERALL, _ASKS = 0.8, 0.75, 0.7


@dataclass(frozen=True, slots=True)
class _Words:
    """How questions say it: parts that begin with a word, folded; in `anywhere` without spaces."""

    starts: tuple[str, ...]
    anywhere: tuple[str, ...]

    def are_in(self, folded: str) -> bool:
        padded = f" {folded}"
        return any(map(padded.__contains__, self.starts)) or any(
            map(folded.__contains__, self.anywhere)
        )


def asks_recommendation(name: str) -> bool:
    """Tell whether a question asks whether somebody would recommend: from 0 to 10, mostly."""
    return _load_words()["recommend"].are_in(fold_name(name))


@lru_cache(maxsize=20_000)
def score_question(name: str) -> float:
    """How much what is asked speaks for a rating: 0, or from .7 to .8."""
    words, folded = _load_words(), fold_name(name)
    if words["never"].are_in(folded):
        return 0.0
    if words["recommend"].are_in(folded):
        return _RECOMMENDS
    if words["rate"].are_in(folded):
        return _OVERALL if words["overall"].are_in(folded) else _ASKS
    return 0.0


@cache
def _load_words() -> dict[str, _Words]:
    data = load_config("roles.toml")["ratings"]
    anywhere = [fold_name(word) for word in data["anywhere"]]
    return {
        name: _Words(
            tuple(f" {word}" for word in map(fold_name, data[name]) if word not in anywhere),
            tuple(word for word in map(fold_name, data[name]) if word in anywhere),
        )
        for name in ("recommend", "rate", "overall", "never")
    }
