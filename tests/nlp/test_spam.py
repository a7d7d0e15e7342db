"""Adverts by the trained model: customers who speak of subscriptions, links and codes are none."""

from pathlib import Path

import pytest

from nlp.cleaning import normalize_text
from nlp.encoder import Encoder
from nlp.languages import detect_language
from nlp.noise import score_noise
from nlp.spam import SPAM_THRESHOLD, score_spam

PROBE = Path(__file__).parents[2] / "scripts" / "noise_parts" / "customers_probe.txt"
ADVERTS = [
    "Subscribe to my channel http://x.co",
    "تابعوني على انستقرام",
    "כנסו לקישור והתחילו להרוויח מהבית",
    "عضو کانال ما بشید و کسب درآمد کنید",
    "Заработок от 5000 рублей в день, пишите в телеграм",
    "Make money fast, whatsapp <PHONE>",
]

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    lines = PROBE.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "=="))]


def test_what_customers_say_in_an_adverts_words_is_sound(
    sentences: list[str], encoder: Encoder
) -> None:
    scores = score_spam(sentences, encoder.encode(sentences))
    flagged = {
        text for text, score in zip(sentences, scores, strict=True) if score >= SPAM_THRESHOLD
    }
    assert len(flagged) <= len(sentences) / 15
    assert not flagged & {"איך מבטלים מנוי?", "¿Cómo cancelo mi suscripción?", "מנוי יקר מדי"}


def test_nothing_but_the_model_takes_them_for_noise(sentences: list[str]) -> None:
    langs = [detect_language(text).code for text in sentences]
    judged = [
        score_noise(text, normalize_text(text, lang), lang)
        for text, lang in zip(sentences, langs, strict=True)
    ]
    assert {noise.reason for noise in judged} == {None}


def test_adverts_in_many_languages_are_spam(encoder: Encoder) -> None:
    assert (score_spam(ADVERTS, encoder.encode(ADVERTS)) >= SPAM_THRESHOLD).all()
