"""Stories as they are told: sentences, each with the facts that it rests on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, Literal

from nlp.stories.languages import Language, read_schemas
from nlp.stories.wording import word_sentence
from pipelines.report.display import disarm_text
from pipelines.stories.facts import Fact

Kind = Literal["theme", "segment", "customer", "store"]
Slots = Mapping[str, Fact]
# Longer names and quotes are cut between words; the fact holds all of it.
_MAX_TEXT: Final = {"text": 420}
_MAX_NAME: Final = 160
# A sentence that a language model made of quotes alone.
SUMMARY: Final = "summary"
_SUMMARY_TOPIC: Final = "who"


@dataclass(frozen=True)
class Draft:
    """A sentence before it is worded.

    :param template: its name in ``nlp/data/stories``.
    :param slots: the facts that stand in it, and those for which it was chosen.
    """

    template: str
    slots: Slots = field(default_factory=dict)


@dataclass(frozen=True)
class Sentence:
    """A sentence with its evidence.

    :param by: template, or the language model that worded it.
    :param slots: the facts, by the place where the template has them.
    """

    template: str
    text: str
    slots: Slots
    by: str = "template"

    @property
    def is_quote(self) -> bool:
        """Whether it is the words of somebody."""
        return self.template.startswith("quote")


@dataclass(frozen=True)
class Story:
    """What is told of one subject.

    :param subject: id of the theme or customer, name of the segment; empty for the store.
    :param title: what it is called; of a theme its name.
    """

    kind: Kind
    subject: str
    lang: str
    direction: str
    title: str
    sentences: tuple[Sentence, ...]

    @property
    def quotes(self) -> tuple[Sentence, ...]:
        """Those in which somebody is quoted."""
        return tuple(each for each in self.sentences if each.is_quote)

    @property
    def told(self) -> tuple[Sentence, ...]:
        """The others."""
        return tuple(each for each in self.sentences if not each.is_quote)

    @property
    def paragraphs(self) -> tuple[tuple[Sentence, ...], ...]:
        """The others, neighbours of one topic together."""
        return tuple(tuple(found) for _, found in groupby(self.told, key=_find_topic))


def list_topics() -> dict[str, str]:
    """The topic of each template; that of a model's own sentence too."""
    return {SUMMARY: _SUMMARY_TOPIC} | {
        name: schema.topic for name, schema in read_schemas().items()
    }


def _find_topic(sentence: Sentence) -> str:
    schema = read_schemas().get(sentence.template)
    return schema.topic if schema else _SUMMARY_TOPIC


def word_drafts(drafts: Iterable[Draft], language: Language) -> tuple[Sentence, ...]:
    """Word sentences; what lacks a fact is not said."""
    return tuple(
        _word_draft(draft, language)
        for draft in drafts
        if all(fact.is_known for fact in draft.slots.values())
    )


def _word_draft(draft: Draft, language: Language) -> Sentence:
    slots = {slot: fact.for_reader(language.code) for slot, fact in draft.slots.items()}
    return Sentence(draft.template, word_slots(draft.template, slots, language), slots)


def word_slots(template: str, slots: Slots, language: Language) -> str:
    """Word one sentence of its facts.

    :raises KeyError: for an unknown sentence, or a missing fact.
    :raises ValueError: for a fact of the wrong kind.
    """
    kinds = read_schemas()[template].slots
    values = {slot: _make_safe(slot, kind, slots[slot].value) for slot, kind in kinds.items()}
    return word_sentence(template, values, language)


def _make_safe(slot: str, kind: str, value: Any) -> Any:
    """Texts of people without what would disturb their neighbours, in one line."""
    if kind != "text" and not kind.startswith(("lang", "word:")):
        return value
    return disarm_text(" ".join(str(value).split()), _MAX_TEXT.get(slot, _MAX_NAME))


def describe_sentence(sentence: Sentence) -> dict[str, Any]:
    """A sentence with its evidence, as JSON has it."""
    schema = read_schemas().get(sentence.template)
    return {
        "text": sentence.text,
        "template": sentence.template,
        "by": sentence.by,
        "facts": [
            {
                "slot": slot,
                "id": fact.id,
                "table": fact.table,
                "key": dict(fact.key),
                "column": fact.column,
                "value": fact.value,
                "shown_as": schema.slots.get(slot) if schema else None,
            }
            for slot, fact in sentence.slots.items()
        ],
    }


def describe_story(
    story: Story, describe: Callable[[Sentence], dict[str, Any]] = describe_sentence
) -> dict[str, Any]:
    """A story as JSON has it.

    :param describe: what is said of each sentence.
    """
    return {
        "kind": story.kind,
        "subject": story.subject,
        "lang": story.lang,
        "dir": story.direction,
        "title": story.title,
        "sentences": [describe(each) for each in story.sentences],
    }


def make_drafts(*given: Draft | Sequence[Draft] | None) -> list[Draft]:
    """Drafts in one list; None is none."""
    found: list[Draft] = []
    for each in given:
        if isinstance(each, Draft):
            found.append(each)
        elif each is not None:
            found += each
    return found
