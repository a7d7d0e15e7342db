"""Noise in texts that are in no store: what a run would find, but for copies and campaigns."""

from collections.abc import Sequence

from nlp.cleaning import normalize_text, text_hash
from nlp.noise import Noise, score_noise
from nlp.row_signs import read_row_signs
from nlp.spam import SPAM_THRESHOLD, score_spam
from pipelines.feedback_vectors import mean_vectors
from pipelines.models import Models
from pipelines.splitting import FeedbackText, split_feedback


def read_noise(texts: Sequence[str], langs: Sequence[str], models: Models) -> list[Noise]:
    """Judge masked texts, each alone.

    :param langs: the code of each text's language.
    """
    found = [_read_alone(text, lang) for text, lang in zip(texts, langs, strict=True)]
    open_ = [place for place, noise in enumerate(found) if noise.reason is None]
    scores = _score_adverts([texts[at] for at in open_], [langs[at] for at in open_], models)
    for place, score in zip(open_, scores, strict=True):
        if score >= SPAM_THRESHOLD:
            found[place] = Noise(score, "spam")
        else:
            found[place] = Noise(max(found[place].score, score), None)
    return found


def _read_alone(text: str, lang: str) -> Noise:
    noise = score_noise(text, normalize_text(text, lang), lang)
    if noise.reason in (None, "low_effort"):
        return read_row_signs(text, None, {}) or noise
    return noise


def _score_adverts(texts: Sequence[str], langs: Sequence[str], models: Models) -> list[float]:
    """By the vectors of their mentions, as in the store."""
    feedback = [
        FeedbackText(text_hash(text), text, lang) for text, lang in zip(texts, langs, strict=True)
    ]
    parts = split_feedback(feedback)
    distinct = {part.row.text_hash: part.row.text for own in parts for part in own}
    if not distinct or not models.is_default_encoder:
        return [float(score) for score in score_spam(texts, None)]
    ordered = sorted(distinct, key=lambda key: len(distinct[key]))
    embedded = models.embed([distinct[key] for key in ordered])
    vectors = {key: row.tobytes() for key, row in zip(ordered, embedded, strict=True)}
    means = mean_vectors([[vectors[part.row.text_hash] for part in own] for own in parts])
    scores = score_spam(texts, means)
    return [float(score) for score in scores]
