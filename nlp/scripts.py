"""Scripts: which one a text is mainly written in, and its words in one of them.

The ranges of letters are data (`data/languages/scripts.toml`); scripts are named by ISO 15924.
"""

import re
import string
import tomllib
from bisect import bisect_right
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

__all__ = ["MainScript", "language_of_script", "letters_of_script", "main_script"]


class MainScript(NamedTuple):
    """The script that carries a text.

    :param name: its ISO 15924 code.
    :param share: its share of the letters (0 to 1), each counted by the weight of its script.
    :param n_letters: how many letters of it there are, unweighted.
    """

    name: str
    share: float
    n_letters: int


def main_script(text: str) -> MainScript | None:
    """Name the script with most letters, where a letter counts by its script's weight.

    :returns: None for a text without letters.
    """
    if text.isascii():
        n_letters = len(text.encode().translate(None, _NOT_ASCII_LETTERS))
        return MainScript("Latn", 1.0, n_letters) if n_letters else None
    letters = text.translate(_script_table())
    if not letters:
        return None
    # Signs are in the order of the file, so ties always fall alike.
    n_letters_of = {_names()[sign]: letters.count(sign) for sign in sorted(set(letters))}
    # Japanese mixes kana with Chinese signs: a fifth of kana makes it Japanese.
    if n_letters_of.get("Kana", 0) * 4 >= n_letters_of.get("Hani", 0) > 0:
        n_letters_of["Kana"] += n_letters_of.pop("Hani")
    weights = {name: n * _scripts()[name].get("weight", 1) for name, n in n_letters_of.items()}
    name = max(weights, key=weights.__getitem__)
    return MainScript(name, weights[name] / sum(weights.values()), n_letters_of[name])


_NOT_ASCII_LETTERS: Final = bytes(sorted(set(range(128)) - set(string.ascii_letters.encode())))


def letters_of_script(text: str, script: str) -> str:
    """Keep the words of one script, with a space between them."""
    return " ".join(_script_pattern(script).findall(text))


def language_of_script(script: str) -> str | None:
    """Name the language that mostly owns a script, if one does."""
    code: str | None = _scripts()[script].get("language")
    return code


@cache
def _scripts() -> dict[str, Any]:
    path = files("nlp") / "data" / "languages" / "scripts.toml"
    scripts = tomllib.loads(path.read_text(encoding="utf-8"))
    for index, script in enumerate(scripts.values()):
        script["sign"] = chr(ord("a") + index)
    return scripts


@cache
def _names() -> dict[str, str]:
    return {script["sign"]: name for name, script in _scripts().items()}


class _ScriptTable(dict[int, str | None]):
    """A `str.translate` table that turns each letter into its script's sign and drops the rest."""

    def __init__(self) -> None:
        bounds = [
            (int(start, 16), int(end, 16), script["sign"])
            for script in _scripts().values()
            for start, end in (span.split("-") for span in script["ranges"])
        ]
        self._bounds = sorted(bounds)
        self._starts = [start for start, _, _ in self._bounds]

    def __missing__(self, point: int) -> str | None:
        index = bisect_right(self._starts, point) - 1
        sign = None
        if index >= 0 and point <= self._bounds[index][1]:
            sign = self._bounds[index][2]
        self[point] = sign
        return sign


@cache
def _script_table() -> _ScriptTable:
    return _ScriptTable()


@cache
def _script_pattern(script: str) -> re.Pattern[str]:
    spans = (span.split("-") for span in _scripts()[script]["ranges"])
    ranges = "".join(f"{chr(int(start, 16))}-{chr(int(end, 16))}" for start, end in spans)
    # Combining marks (U+0300.., harakat, niqqud) and ZWNJ stay inside words.
    return re.compile(rf"[{ranges}][{ranges}\u0300-\u036f\u0591-\u05c7\u064b-\u0652\u0670\u200c]*")
