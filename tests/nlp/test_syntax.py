import pytest
import spacy

from nlp import syntax
from nlp.syntax import reload_when_full


def test_a_pipeline_that_has_met_many_words_is_loaded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax, "MAX_WORDS", 3_000)
    load = reload_when_full(spacy.blank)
    first, other = load("en"), load("he")
    first(" ".join(f"word{n}" for n in range(1_000)))
    assert load("en") is first
    first(" ".join(f"other{n}" for n in range(3_000)))
    again = load("en")
    assert again is not first and len(again.vocab) < 3_000
    assert load("he") is other
