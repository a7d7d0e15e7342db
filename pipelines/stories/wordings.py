"""Stories as a language model words them: asked once, checked each time, told by templates else.

A model gets the sentences of the templates and the quotes of a story, as data. Stories of customers
are never given to it.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from nlp.stories.checking import (
    Reason,
    check_name,
    check_summary,
    check_wording,
    hold_foreign,
    strip_isolates,
)
from nlp.stories.languages import Language, read_language
from nlp.stories.prompting import Answer, Message, read_answer, write_prompt
from pipelines import tables
from pipelines.counted import counted_mentions, is_counted, mention
from pipelines.errors import EarfulError
from pipelines.progress import Progress
from pipelines.rights.gate import allows
from pipelines.store import Store
from pipelines.stories.evidence import read_themes
from pipelines.stories.language_model import LanguageModel, ModelError
from pipelines.stories.sentences import SUMMARY, Sentence, Story

_wording = tables.wording.c
# Said as it stands, and what is about one person.
_KEPT: Final = ("impact_caveat", "gains_unsure")
_MAJORITY: Final = 0.5


@dataclass(frozen=True)
class Question:
    """What a model is asked about a story.

    :param keywords: of the theme.
    :param quotes: whose words are in it, by mention.
    :param sources: ids of the feedback and themes whose words are in it.
    """

    story: Story
    messages: tuple[Message, ...]
    keywords: tuple[str, ...]
    quotes: Mapping[str, str]
    sources: tuple[str, ...]

    def wording_id(self, model: str) -> str:
        """The hash of the question and who is asked."""
        told = json.dumps([model, *self.messages], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Worded:
    """A story as far as a model's words could be told.

    :param n_told: sentences in its words.
    :param refused: how many were not told, by the reason.
    """

    story: Story
    n_told: int = 0
    refused: Mapping[Reason, int] = field(default_factory=dict)


def word_story(store: Store, story: Story, model: LanguageModel, progress: Progress) -> Worded:
    """Have a model word a story, or take what it answered before.

    Neither a lock nor a transaction is held while it thinks.
    """
    with store.read() as connection:
        question = make_question(connection, story)
        if question is None:
            return Worded(story)
        answer = read_wording(connection, question, model.name)
    if answer is None:
        try:
            answer = model.ask(question.messages)
        except ModelError as error:
            progress.warn(f"{error}; the story is told by templates")
            return Worded(story)
        if not _keep(store, question, model.name, answer, progress):
            return Worded(story)
    return apply_answer(question, answer, model.name)


def make_question(connection: Connection, story: Story) -> Question | None:
    """What a model is asked; None where it is asked nothing.

    Stories of customers stay here: a person's profile is nobody else's.
    """
    told = _list_wordable(story)
    if story.kind == "customer" or not told:
        return None
    keywords = _read_keywords(connection, story)
    quotes = {dict(each.slots["text"].key)["mention_id"]: _quote(each) for each in story.quotes}
    sentences = {n: each.text for n, each in told.items()}
    language = read_language(story.lang)
    return Question(
        story=story,
        messages=write_prompt(language, story.title, keywords, sentences, [*quotes.values()]),
        keywords=keywords,
        quotes=quotes,
        sources=_list_sources(connection, story, quotes),
    )


def _list_wordable(story: Story) -> dict[int, Sentence]:
    """Sentences that may be worded, by their place in the story, from 1."""
    return {
        n: each
        for n, each in enumerate(story.sentences, 1)
        if not each.is_quote and each.template not in _KEPT
    }


def _quote(sentence: Sentence) -> str:
    return str(sentence.slots["text"].value)


def _read_keywords(connection: Connection, story: Story) -> tuple[str, ...]:
    if story.kind != "theme":
        return ()
    row = read_themes(connection, [story.subject]).get(story.subject)
    return tuple(map(str, row["keywords"] or ())) if row else ()


def _list_sources(
    connection: Connection, story: Story, mention_ids: Mapping[str, str]
) -> tuple[str, ...]:
    query = select(mention.feedback_id).where(mention.mention_id.in_(sorted(mention_ids)))
    found = set(connection.execute(query).scalars())
    facts = (fact for each in story.sentences for fact in each.slots.values())
    found |= {value for fact in facts for name, value in fact.key if name == "theme_id"}
    return tuple(sorted(found))


def read_wording(connection: Connection, question: Question, model: str) -> str | None:
    """What a model answered to a question before."""
    query = select(_wording.answer).where(_wording.wording_id == question.wording_id(model))
    return connection.execute(query).scalar_one_or_none()


def _keep(store: Store, question: Question, model: str, answer: str, progress: Progress) -> bool:
    """Keep an answer in the place of older ones on the same story.

    :returns: whether its words may be told: not where somebody took theirs back meanwhile.
    """
    story = question.story
    row = {
        "wording_id": question.wording_id(model),
        "kind": story.kind,
        "subject": story.subject,
        "lang": story.lang,
        "model": model,
        "answer": answer,
        "sources": list(question.sources),
        "at": datetime.now(UTC),
    }
    same = [_wording[name] == row[name] for name in ("kind", "subject", "lang", "model")]
    try:
        with store.lock(0), store.write() as connection:
            if not _are_allowed(connection, question):
                return False
            connection.execute(delete(tables.wording).where(*same))
            connection.execute(insert(tables.wording).values(**row))
    except EarfulError as error:
        progress.warn(f"the answer of the language model was not kept: {error}")
        with store.read() as connection:
            return _are_allowed(connection, question)
    return True


def _are_allowed(connection: Connection, question: Question) -> bool:
    """Whether all who are quoted are there, and allow it still."""
    query = (
        select(mention.mention_id, mention.text)
        .select_from(counted_mentions)
        .where(mention.mention_id.in_(sorted(question.quotes)))
        .where(is_counted, allows(connection, "quoting"))
    )
    return dict(connection.execute(query).all()) == dict(question.quotes)


def apply_answer(question: Question, text: str, model: str) -> Worded:
    """Tell of an answer what the facts bear out; the rest stays as templates word it."""
    story, language = question.story, read_language(question.story.lang)
    answer, refused = read_answer(text), Counter[Reason]()
    if answer is None:
        return Worded(story, refused={"empty": 1})
    sentences, told = list(story.sentences), 0
    for n, sentence in _list_wordable(story).items():
        wording = answer.sentences.get(n)
        if not wording or wording == strip_isolates(sentence.text):
            continue
        if reason := check_wording(wording, sentence.text, language):
            refused[reason] += 1
            continue
        sentences[n - 1] = replace(sentence, text=hold_foreign(wording, language), by=model)
        told += 1
    found = replace(story, sentences=tuple(sentences))
    if story.kind == "theme":
        found = _add_summary(question, found, answer, model, refused)
        found = _rename(question, found, answer, language, refused)
    return Worded(found, told + (len(found.sentences) > len(story.sentences)), dict(refused))


def _add_summary(
    question: Question, story: Story, answer: Answer, model: str, refused: Counter[Reason]
) -> Story:
    """A sentence on what people say, which rests on the quotes, at the story's beginning."""
    if not answer.summary or not question.quotes:
        return story
    language = read_language(story.lang)
    sides = list_sides(story.sentences)
    if reason := check_summary(answer.summary, [*question.quotes.values()], sides, language):
        refused[reason] += 1
        return story
    slots = {f"quote_{n}": each.slots["text"] for n, each in enumerate(story.quotes, 1)}
    summary = Sentence(SUMMARY, hold_foreign(answer.summary, language), slots, by=model)
    return replace(story, sentences=(summary, *story.sentences))


def list_sides(sentences: Sequence[Sentence]) -> list[str]:
    """Of good and bad, what most of the mentions are, as the story tells it."""
    shares: dict[str, Any] = {}
    for each in sentences:
        if each.template == "feeling_shares":
            shares = {slot: fact.value for slot, fact in each.slots.items()}
    names = {"share_negative": "bad", "share_positive": "good"}
    return [side for slot, side in names.items() if (shares.get(slot) or 0) >= _MAJORITY]


def _rename(
    question: Question,
    story: Story,
    answer: Answer,
    language: Language,
    refused: Counter[Reason],
) -> Story:
    """A name in the reader's language; the theme keeps its own, and its sentences name that."""
    if not answer.name or answer.name == story.title:
        return story
    told = " ".join([story.title, *question.keywords])
    if reason := check_name(answer.name, told, language):
        refused[reason] += 1
        return story
    return replace(story, title=answer.name)
