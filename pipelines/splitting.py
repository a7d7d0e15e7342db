"""Feedback into its mentions, each with the normalised text that the models read."""

from collections.abc import Sequence
from typing import NamedTuple

from nlp.cleaning import normalize_text, text_hash
from nlp.mentions import Span, split_texts
from nlp.targets import find_target
from pipelines.encoder_pass import TextRow


class FeedbackText(NamedTuple):
    """What a feedback says, masked.

    :param text_hash: of the whole text, normalised.
    """

    text_hash: str
    text: str
    lang: str


class Part(NamedTuple):
    """A mention: where it stands, its own words, and what the models read."""

    span: Span
    text: str
    row: TextRow


class SaidPart(NamedTuple):
    """A mention, and what it is said of, where it names that."""

    part: Part
    target: str | None


def describe_parts(batch: Sequence[FeedbackText]) -> list[list[SaidPart]]:
    """Split some feedback, and find what each part is said of."""
    return [
        [SaidPart(part, find_target(part.text, part.row.lang)) for part in own]
        for own in split_feedback(batch)
    ]


def split_feedback(batch: Sequence[FeedbackText]) -> list[list[Part]]:
    """Split some feedback: the parts of each."""
    spans = split_texts([each.text for each in batch], [each.lang for each in batch])
    return [[make_part(each, span) for span in own] for each, own in zip(batch, spans, strict=True)]


def make_part(feedback: FeedbackText, span: Span) -> Part:
    """The part of a feedback that stands there."""
    text = feedback.text[span.start : span.end]
    normalised = normalize_text(text, feedback.lang)
    return Part(span, text, TextRow(text_hash(normalised), normalised, feedback.lang))
