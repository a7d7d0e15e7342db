"""Checking the claims of a report against the store, number by number and quote by quote."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection

from nlp.stories.checking import check_summary, check_wording
from nlp.stories.languages import list_languages, read_language
from pipelines.store import read_info
from pipelines.stories.claims import Claims, StoreState, read_state
from pipelines.stories.facts import Fact, Value
from pipelines.stories.lookups import Found, look_up
from pipelines.stories.sentences import SUMMARY, Sentence, Story, word_slots
from pipelines.stories.wordings import list_sides

# number: it is another one now. quote: the words are others now. consent: they may not be quoted.
# gone: what it was said of is not there. text: the sentence does not say what its facts say.
# page: something else on the page.
ProblemKind = Literal["number", "quote", "consent", "gone", "text", "page"]
_TOLERANCE: Final = 1e-6
_STEPS: Final = ("judged", "published")


@dataclass(frozen=True)
class Problem:
    """Something that does not hold.

    :param where: the story and the sentence, or the place on the page.
    :param claimed: what the report says; None for words.
    :param found: what the store says; None for words, and for what is not there.
    """

    kind: ProblemKind
    where: str
    fact: str | None = None
    claimed: Value = None
    found: Value = None
    source: str | None = None


@dataclass(frozen=True)
class Verification:
    """What became of checking a report.

    :param told_of: the store as it was when the report was written.
    :param now: the store as it is.
    :param notes: what else should be known, in words.
    """

    told_of: StoreState
    now: StoreState
    n_sentences: int
    n_facts: int
    n_quotes: int
    problems: Sequence[Problem]
    notes: Sequence[str] = ()

    @property
    def is_other_store(self) -> bool:
        """Whether the report is of another store."""
        return self.told_of.store_id != self.now.store_id

    @property
    def is_moved(self) -> bool:
        """Whether the store changed since the report was written."""
        return self.is_other_store or self.told_of.data_version != self.now.data_version

    @property
    def holds(self) -> bool:
        """Whether all of the report is so, now."""
        return not self.problems and not self.is_moved


def verify_claims(connection: Connection, claims: Claims) -> Verification:
    """Look up and count again everything that is claimed, and word every sentence again."""
    sentences = [(_name(story, n), story, each) for story, n, each in _list_sentences(claims)]
    facts = {fact.id: fact for *_, each in sentences for fact in each.slots.values()}
    found = look_up(connection, facts.values())
    problems: list[Problem] = []
    blamed: set[str] = set()
    for where, story, sentence in sentences:
        for fact in sentence.slots.values():
            if fact.id not in blamed and (problem := _check_fact(where, fact, found[fact.id])):
                blamed.add(fact.id)
                problems.append(problem)
        if not _says_its_facts(story, sentence):
            problems.append(Problem("text", where))
    return Verification(
        told_of=claims.state,
        now=read_state(connection),
        n_sentences=len(sentences),
        n_facts=len(facts),
        n_quotes=sum(each.is_quote for *_, each in sentences),
        problems=problems,
        notes=_find_stale_steps(connection),
    )


def _list_sentences(claims: Claims) -> Iterator[tuple[Story, int, Sentence]]:
    for story in claims.stories:
        for number, sentence in enumerate(story.sentences, 1):
            yield story, number, sentence


def _name(story: Story, number: int) -> str:
    subject = f" {story.subject}" if story.subject else ""
    return f"story of {story.kind}{subject} ({story.lang}), sentence {number}"


def _check_fact(where: str, fact: Fact, found: Sequence[Found]) -> Problem | None:
    if not found:
        return Problem("gone", where, fact.id, _show(fact, fact.value))
    for each in found:
        if not each.is_allowed:
            return Problem("consent", where, fact.id)
        if not is_same(fact.value, each.value):
            shown = _show(fact, fact.value), _show(fact, each.value)
            kind: ProblemKind = "quote" if _is_words(fact) else "number"
            return Problem(kind, where, fact.id, *shown, each.source)
    return None


def _is_words(fact: Fact) -> bool:
    return fact.table == "mention" and fact.column == "text"


def _show(fact: Fact, value: Value) -> Value:
    """Words of customers are not told again."""
    return None if _is_words(fact) else value


def is_same(claimed: Value, found: Value) -> bool:
    """Whether two values are one, as far as sums of floats are."""
    if isinstance(claimed, float) or isinstance(found, float):
        if not isinstance(claimed, int | float) or not isinstance(found, int | float):
            return False
        return abs(claimed - found) <= _TOLERANCE * max(1.0, abs(claimed), abs(found))
    return claimed == found


def _says_its_facts(story: Story, sentence: Sentence) -> bool:
    """Whether a sentence is what its template makes of its facts, or a model's words for that."""
    if story.lang not in list_languages():
        return False
    language = read_language(story.lang)
    if sentence.template == SUMMARY:
        quotes = [str(fact.value) for fact in sentence.slots.values()]
        sides = list_sides(story.sentences)
        return check_summary(sentence.text, quotes, sides, language) is None
    try:
        worded = word_slots(sentence.template, sentence.slots, language)
    except (KeyError, ValueError, TypeError):
        return False
    if sentence.by == "template":
        return worded == sentence.text
    return check_wording(sentence.text, worded, language) is None


def _find_stale_steps(connection: Connection) -> list[str]:
    """Steps whose results are older than the data that they were made of."""
    now = read_info(connection, "data_version") or "0"
    made = {step: read_info(connection, f"{step}_version") for step in _STEPS}
    stale = [step for step, version in made.items() if version is not None and version != now]
    if not stale:
        return []
    told = f"what was {' and '.join(stale)} is older than the feedback"
    return [f"{told}; bring it up to date with: earful run"]


def describe_verification(found: Verification) -> dict[str, Any]:
    """The outcome as JSON has it."""
    return {"holds": found.holds, "is_moved": found.is_moved, **asdict(found)}
