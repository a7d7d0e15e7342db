"""Themes are scored on an analyst's own rows, with labels, without, and by people."""

import csv
import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from rich.cells import cell_len

from nlp.encoder import BranchingEncoder
from tests.command_line import Call, make_call

pytestmark = pytest.mark.model

# Five plain themes in two languages; every text is put together from parts.
PARTS = {
    "late card": ("my new card", "has not arrived", "did not come yet", "is still on its way"),
    "refund": ("my refund", "was not paid back", "is not in my account", "takes far too long"),
    "password": ("my password", "is not accepted", "cannot be reset", "does not work in the app"),
    "exchange rate": ("the exchange rate", "for euros is bad", "changed overnight", "is unfair"),
    "כרטיס": ("הכרטיס החדש שלי", "לא הגיע עדיין", "עדיין בדרך", "לא הגיע בדואר"),
}
STARTS = ("", "hello, ", "today ", "I think ", "please help, ", "once more: ", "well, ", "so ")
NOISE = ("who won the cup in 1966", "tell me a joke about ducks", "how tall is a giraffe")


def make_rows(n_a_theme: int = 24) -> list[tuple[str, str]]:
    rng = random.Random(4)
    rows = []
    for label, (subject, *ends) in PARTS.items():
        starts = [""] if label == "כרטיס" else STARTS
        texts = [f"{start}{subject} {end}" for start in starts for end in ends]
        texts = [*texts, *(f"{text} ({n})" for n, text in enumerate(texts * 9))]
        rows += [(text, label) for text in texts[:n_a_theme]]
    rows += [(f"{text}, number {n}", "oos") for n, text in enumerate(NOISE)]
    rng.shuffle(rows)
    return rows


def write_rows(path: Path, rows: Sequence[Sequence[str]], *header: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


@pytest.fixture
def call(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    model_cache: Path,
    encoder: BranchingEncoder,
) -> Call:
    monkeypatch.setattr("pipelines.models.load_encoder", lambda *_, **__: encoder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EARFUL_CACHE", str(model_cache))
    monkeypatch.setenv("COLUMNS", "60")
    return make_call(capsys)


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    rows = [*make_rows(), ("", "refund"), ("nobody labelled this one", ""), ("\u200b", "refund")]
    return write_rows(tmp_path / "labelled.csv", rows, "Comment", "Topic")


def test_labels_give_scores_and_every_row_is_accounted_for(call: Call, labelled: Path) -> None:
    ended = call("evaluate", labelled, "--task", "themes", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["columns"] == {"text": "Comment", "label": "Topic", "lang": None}
    counts = ("n_rows", "n_scored", "n_unlabelled", "n_empty", "n_unreadable", "n_not_drawn")
    assert [found[name] for name in counts] == [126, 123, 1, 2, 0, 0]
    scores = found["overall"]["scores"]
    assert (scores["n"], scores["n_true"], found["unit"]) == (120, 5, "row")
    assert 0.3 < scores["ari"] <= 1 and 0.4 < scores["bcubed"]["f1"] <= 1
    assert 0 < scores["coverage"] <= 1
    noise = scores["noise"]
    assert noise["n"] == 3 and 0 <= noise["recall"] <= 1
    assert any("oos (3)" in note and "--noise-label" in note for note in found["notes"])
    assert [group["lang"] for group in found["languages"]] == ["en", "he"]
    assert sum(each["n"] for each in found["labels"]) == 120
    assert {each["label"] for each in found["labels"]} == set(PARTS)
    n_assigned = sum(each["n"] for each in found["themes"])
    assert n_assigned == 123 - noise["n_unassigned"]
    assert found["stability"] is None
    assert call("evaluate", labelled, "--task", "themes", "--json").out == ended.out


def test_tables_of_themes_fit_sixty_columns(call: Call, labelled: Path) -> None:
    for options in ((), ("--label", "Topic", "--limit", "60")):
        ended = call("evaluate", labelled, "-t", "themes", *options)
        assert ended.code == 0, ended.err
        assert max(cell_len(line) for line in ended.out.splitlines()) <= 60
        assert "B-cubed precision, recall and F1" in " ".join(ended.out.split())
    assert "64 beyond --limit" in " ".join(ended.out.split())


def test_labels_can_be_noise_joined_or_left_out(call: Call, labelled: Path) -> None:
    options = ("--noise-label", "Refund", "--labels", "oos=,password=late card", "--json")
    found = json.loads(call("evaluate", labelled, "-t", "themes", *options).out)
    assert found["n_left_out"] == 3
    assert {each["label"]: each["n"] for each in found["labels"]} == {
        "late card": 48,
        "exchange rate": 24,
        "כרטיס": 24,
    }
    assert found["overall"]["scores"]["noise"]["n"] == 24


def test_without_labels_themes_are_found_again(call: Call, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "plain.csv", [(text,) for text, _ in make_rows()], "Comment")
    ended = call("evaluate", path, "-t", "themes", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["overall"] is None and found["labels"] == []
    assert (found["unit"], found["n_rows"], found["n_scored"]) == ("mention", 123, 123)
    stability = found["stability"]
    assert stability["n_texts"] == found["n_units"] >= 123
    shuffled = [each for each in stability["repeats"] if each["what"] == "shuffled"]
    assert len(shuffled) == 2 and all(each["is_same"] for each in shuffled)
    assert -1 <= stability["separation"] <= 1
    assert 0 <= stability["share_unassigned"] < 1
    shown = call("evaluate", path, "-t", "themes")
    assert max(cell_len(line) for line in shown.out.splitlines()) <= 60
    assert "How far the themes hold" in shown.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--text", "Coment"), ("no column 'Coment'", "did you mean 'Comment'")),
        (("--label", "Golden"), ("no column 'Golden'", "Comment, Topic")),
        (("--label", "Comment", "--text", "Topic"), ("do not look like themes", "--label")),
        (("--noise-label", "nothing"), ("no row has 'nothing'", "refund (25)", "oos (3)")),
        (("--labels", "oos"), ("'oos' cannot be read",)),
        (("--sheet", "0"), ("--sheet",)),
        (("--sheet", "5", "--sheet-filled"), ("give one of them",)),
        (("--sheet-filled",), ("is no folder of a coding sheet", "key.json")),
    ],
)
def test_wrong_use_of_themes_says_what_there_is(
    call: Call, tmp_path: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    path = write_rows(tmp_path / "r.csv", [*make_rows(), ("x y", "refund")], "Comment", "Topic")
    ended = call("evaluate", path, "-t", "themes", *options)
    assert ended.code == 2, ended.err
    assert ended.out == ""
    for word in words:
        assert word in ended.err


def test_options_of_themes_are_refused_for_other_tasks(call: Call, labelled: Path) -> None:
    ended = call("evaluate", labelled, "-t", "language", "--noise-label", "x", "--sheet", "5")
    assert ended.code == 2
    assert "--noise-label and --sheet: only for --task themes" in ended.err


@pytest.mark.parametrize("n", [1, 2, 5, 29])
def test_few_rows_are_measured_without_fuss(call: Call, tmp_path: Path, n: int) -> None:
    rows = [row for row in make_rows() if row[1] != "oos"][:n]
    path = write_rows(tmp_path / "few.csv", rows, "text", "theme")
    ended = call("evaluate", path, "-t", "themes", "--json")
    assert ended.code == 0, ended.err
    assert any("too few" in note for note in json.loads(ended.out)["notes"])
    plain = write_rows(tmp_path / "plain.csv", [row[:1] for row in rows], "text")
    assert call("evaluate", plain, "-t", "themes", "--json").code == 0


def test_rows_without_a_theme_or_a_text_are_one_clear_error(call: Call, tmp_path: Path) -> None:
    for rows, said in [
        ([("a text", ""), ("", "good")], "none of 2 rows has both a text and a label"),
        ([("a text", "oos"), ("one more", "none")], "none of the 2 labelled rows has a theme"),
    ]:
        ended = call(
            "evaluate", write_rows(tmp_path / "r.csv", rows, "text", "theme"), "-t", "themes"
        )
        assert ended.code == 1 and said in ended.err
    ended = call(
        "evaluate", write_rows(tmp_path / "r.csv", [("",), (" ",)], "text"), "-t", "themes"
    )
    assert ended.code == 1


@pytest.fixture(scope="module")
def kept_sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first sheet is kept."""
    return tmp_path_factory.mktemp("kept") / "coding"


@pytest.fixture
def sheet(call: Call, labelled: Path, tmp_path: Path, kept_sheet: Path) -> Path:
    """A sheet as it was written; themes are found for it once."""
    place = tmp_path / "coding"
    if kept_sheet.exists():
        return shutil.copytree(kept_sheet, place)
    ended = call("evaluate", labelled, "-t", "themes", "--sheet", "40", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["files"] == ["coder_1.csv", "coder_2.csv", "key.json", "themes.csv"]
    assert found["n_items"] == 40
    shutil.copytree(place, kept_sheet)
    return place


def read_sheet(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def fill(path: Path, rows: list[dict[str, str]], choices: Sequence[str]) -> None:
    for row, choice in zip(rows, choices, strict=True):
        row["theme"] = choice
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def read_key(sheet: Path) -> dict[str, Any]:
    return json.loads((sheet / "key.json").read_text(encoding="utf-8"))["items"]


def test_a_sheet_is_blind_and_offers_what_earful_chose(sheet: Path) -> None:
    rows, key = read_sheet(sheet / "coder_1.csv"), read_key(sheet)
    assert rows == read_sheet(sheet / "coder_2.csv")
    assert [row["item"] for row in rows] == list(key)
    places = set()
    for row in rows:
        assert row["theme"] == ""
        choices = [value.split(" ")[0] for name, value in row.items() if name.startswith("choice")]
        assert choices == sorted(choices)
        if key[row["item"]] != "none":
            places.add(choices.index(key[row["item"]]))
    assert len(places) > 1  # where it stands gives nothing away
    codes = {row["theme"] for row in read_sheet(sheet / "themes.csv")}
    assert set(key.values()) <= codes and "none" in codes


def test_people_who_agree_with_earful_have_an_alpha_of_one(call: Call, sheet: Path) -> None:
    rows, key = read_sheet(sheet / "coder_1.csv"), read_key(sheet)
    names = {row["theme"]: row["name"] for row in read_sheet(sheet / "themes.csv")}
    fill(sheet / "coder_1.csv", rows, [key[row["item"]] for row in rows])
    # As people type: the name, the code with its name, in small letters, none at all.
    typed = [key[row["item"]] for row in rows]
    typed = [names[each] if n % 3 == 0 and each != "none" else each for n, each in enumerate(typed)]
    typed = [f"{each.lower()} " if n % 3 == 1 else each for n, each in enumerate(typed)]
    book = Workbook()
    for values in [("item", "theme"), *zip(key, ["", *typed[1:]], strict=True)]:
        book.active.append(values)
    book.save(sheet / "coder_2.xlsx")
    (sheet / "coder_2.csv").unlink()
    ended = call("evaluate", sheet, "-t", "themes", "--sheet-filled", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert [each["n_coded"] for each in found["coders"]] == [40, 39]
    assert found["between"]["alpha"] == 1 and found["between"]["n"] == 39
    pairs = {(each["left"], each["right"]): each["agreement"] for each in found["pairs"]}
    assert {names: each["alpha"] for names, each in pairs.items()} == {
        ("coder_1", "coder_2"): 1,
        ("coder_1", "earful"): 1,
        ("coder_2", "earful"): 1,
    }
    assert found["against"] == []


def test_where_people_agree_against_earful_is_shown(call: Call, sheet: Path) -> None:
    rows, key = read_sheet(sheet / "coder_1.csv"), read_key(sheet)
    codes = sorted(set(key.values()) - {"none"})
    other = {item: next(code for code in codes if code != key[item]) for item in key}
    choices = [key[item] if n else other[item] for n, item in enumerate(key)]
    for name in ("coder_1.csv", "coder_2.csv"):
        fill(sheet / name, rows, choices)
    found = json.loads(call("evaluate", sheet, "-t", "themes", "--sheet-filled", "--json").out)
    first = next(iter(key))
    assert found["against"] == [[first, other[first], key[first]]]
    assert found["pairs"][1]["agreement"]["alpha"] < 1
    shown = call("evaluate", sheet, "-t", "themes", "--sheet-filled")
    assert max(cell_len(line) for line in shown.out.splitlines()) <= 60
    assert "People agree, earful differs" in shown.out


def test_a_sheet_that_cannot_be_read_says_where(call: Call, sheet: Path) -> None:
    def ask() -> Any:
        return call("evaluate", sheet, "-t", "themes", "--sheet-filled")

    rows, key = read_sheet(sheet / "coder_1.csv"), read_key(sheet)
    empty = ask()
    assert empty.code == 1 and "none of 40 rows has anything in column 'theme'" in empty.err
    choices = [key[row["item"]] for row in rows]
    fill(sheet / "coder_1.csv", rows, choices)
    fill(sheet / "coder_2.csv", rows, ["T999", "late", *choices[2:]])
    wrong = ask()
    assert wrong.code == 2
    for word in ("2 of 40 rows cannot be read", "row 2: 'T999'", "row 3: 'late'", "T001, or none"):
        assert word in wrong.err
    rows[0]["item"] = rows[1]["item"]
    fill(sheet / "coder_2.csv", rows, choices)
    assert "is there twice" in ask().err
    (sheet / "coder_2.csv").rename(sheet / "coder_1.tsv")
    assert "holds both coder_1.csv and coder_1.tsv" in ask().err
    (sheet / "coder_1.tsv").unlink()
    assert "holds 1 of 2 filled-in sheets" in ask().err
    (sheet / "key.json").write_text("{")
    assert "key.json is damaged" in ask().err


def test_a_sheet_is_never_written_over(call: Call, labelled: Path, sheet: Path) -> None:
    before = (sheet / "coder_1.csv").read_bytes()
    ended = call("evaluate", labelled, "-t", "themes", "--sheet", "5")
    assert ended.code == 2 and "is there already" in ended.err
    assert (sheet / "coder_1.csv").read_bytes() == before


def test_the_sheet_is_masked_and_no_cell_is_a_formula(call: Call, tmp_path: Path) -> None:
    rows = [(f"=my refund did not come {n}, mail dana@example.com",) for n in range(40)]
    path = write_rows(tmp_path / "rows.csv", rows, "text")
    ended = call("evaluate", path, "-t", "themes", "--sheet", "40", "-o", "s")
    assert ended.code == 0, ended.err
    written = read_sheet(tmp_path / "s" / "coder_1.csv")
    assert len(written) == 40
    assert all(row["text"].startswith("'=my refund") for row in written)
    assert not any(value.startswith("=") for row in written for value in row.values())
    assert "dana@" not in "".join(row["text"] for row in written)
