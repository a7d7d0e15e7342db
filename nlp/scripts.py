"""Scripts: which one a text is mainly written in, and its words in one of them.

The ranges of letters are data (`data/languages/scripts.toml`); scripts are named by ISO 15924.
"""

import re
import tomllib
from bisect import bisect_right
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["count_letters", "language_of_script", "letters_of_script", "main_script"]


def main_script(text: str) -> tuple[str, float] | None:
    """Name the script with most letters (signs of dense scripts count double) and its share.

    :returns: None for a text without letters.
    """
    letters = text.translate(_script_table())
    if not letters:
        return None
    counts = {
        name: letters.count(script["sign"]) * script.get("weight", 1)
        for name, script in _scripts().items()
    }
    total = sum(counts.values())
    # Japanese mixes kana with Chinese signs: a fifth of kana makes it Japanese.
    if counts["Kana"] * 4 >= counts["Hani"] > 0:
        counts["Kana"] += counts.pop("Hani")
    name = max(counts, key=lambda key: counts[key])
    return name, counts[name] / total


def count_letters(text: str, script: str) -> int:
    """Count the letters of one script."""
    sign: str = _scripts()[script]["sign"]
    return text.translate(_script_table()).count(sign)


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
