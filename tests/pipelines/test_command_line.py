"""What the command line prints, and how it ends."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from pipelines import tables
from pipelines.cli.app import run_app
from pipelines.store import open_store
from tests.pipelines.test_run import CRM, make_rows, write_csv

pytestmark = pytest.mark.model

ROOT = Path(__file__).parents[2]


@pytest.fixture
def quiet_cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Run a command line in an empty folder; gives exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run_app(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    yield call


def test_exit_codes_of_the_command_line(
    tmp_path: Path, quiet_cli: Callable[..., tuple[int, str, str]]
) -> None:
    good = make_rows(20)[5:15]
    write_csv(tmp_path / "good.csv", good)
    write_csv(tmp_path / "bad.csv", [*good, {**good[0], "Review ID": "x", "Comment": ""}])
    assert quiet_cli("ingest", "good.csv")[0] == 0
    code, _, _ = quiet_cli("ingest", "bad.csv", "--db", "other.db")
    assert code == 3
    code, _, err = quiet_cli("ingest", "good.csv", "--map", "text=Coment", "--db", "new.db")
    assert code == 2
    assert "did you mean 'Comment'" in err
    assert "Stars" in err
    assert quiet_cli("ingest", "none.csv")[0] == 1
    assert quiet_cli("run")[0] == 2
    assert quiet_cli("no-such-command")[0] == 2
    assert quiet_cli("themes", "show", "t0")[0] == 2
    with open_store(f"sqlite:///{tmp_path}/earful.db").lock(1):
        code, _, err = quiet_cli("ingest", "good.csv", "--lock-timeout", "0.1")
    assert code == 4
    assert "another run holds" in err


def test_a_rejected_row_that_moves_in_its_file_is_not_rejected_twice(
    tmp_path: Path, quiet_cli: Callable[..., tuple[int, str, str]]
) -> None:
    good = make_rows(20)[5:15]
    bad = {**good[0], "Review ID": "x", "Comment": ""}
    write_csv(tmp_path / "r.csv", [bad, *good, bad])
    assert json.loads(quiet_cli("ingest", "r.csv", "--json")[1])["n_rejected"] == 2
    write_csv(tmp_path / "r.csv", [{**good[0], "Review ID": "new"}, bad, bad, *good])
    counts = json.loads(quiet_cli("ingest", "r.csv", "--json")[1])
    assert (counts["n_new"], counts["n_known"], counts["n_rejected"]) == (1, 10, 2)
    status = json.loads(quiet_cli("status", "--json")[1])
    assert status["rejected"] == {"no_text": 2}


def test_two_records_of_one_customer_add_up_their_keys(
    tmp_path: Path, quiet_cli: Callable[..., tuple[int, str, str]]
) -> None:
    people = [{"Customer ID": f"P{n}", "E-mail": f"p{n}@example.com"} for n in range(9)]
    rows = [{**each, "Phone": "", "Segment": "A"} for each in people]
    rows.append({"Customer ID": "P1", "E-mail": "", "Phone": "+1 202 555 0123", "Segment": "B"})
    write_csv(tmp_path / "crm.csv", rows)
    assert quiet_cli("customers", "crm.csv")[0] == 3
    said = [
        {"Comment": f"The card number {n} never came", "Phone": "(202) 555-0123" if not n else ""}
        for n in range(9)
    ]
    write_csv(tmp_path / "r.csv", said)
    assert quiet_cli("ingest", "r.csv", "--map", "phone=Phone")[0] == 0
    assert quiet_cli("link")[0] == 0
    assert json.loads(quiet_cli("status", "--json")[1])["sources"][0]["n_linked"] == 1


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_terminal_is_too_narrow_for_ids_and_names(
    tmp_path: Path,
    quiet_cli: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    width: int,
) -> None:
    write_csv(tmp_path / "reviews_of_march.csv", make_rows(20)[5:15])
    quiet_cli("ingest", "reviews_of_march.csv")
    store = open_store(f"sqlite:///{tmp_path}/earful.db")
    with store.write() as connection:
        row = {"theme_id": "t0123456789ab", "name": "Card not delivered", "status": "active"}
        connection.execute(
            tables.theme.insert().values(
                **row, origin="discovered", n_mentions=12345, n_customers=9
            )
        )
        run_id = connection.execute(select(tables.run.c.run_id)).scalar_one()
    store.engine.dispose()
    monkeypatch.setenv("COLUMNS", str(width))
    for command, wanted in (
        (["themes", "list"], ["t0123456789ab", "Card not"]),
        (["runs"], [run_id, "ingest"]),
        (["status"], [run_id, "reviews_of", "2026-"]),
    ):
        code, out, _ = quiet_cli(*command)
        assert code == 0
        assert all(len(line) <= width for line in out.splitlines())
        for each in wanted:
            assert each in out, (command, each)


def test_lines_and_cells_stay_whole_where_there_is_no_terminal(
    tmp_path: Path,
    quiet_cli: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COLUMNS")
    name = f"What our customers in {'very ' * 12}many places say.csv"
    write_csv(tmp_path / name, [*make_rows(20)[5:15], {**make_rows(20)[0], "Comment": ""}])
    store = f"{tmp_path}/{'a' * 60}.db"
    code, out, _ = quiet_cli("ingest", name, "--db", store)
    assert code == 3
    assert f"See it with: earful status --rejected --db sqlite:///{store}" in out
    _, out, _ = quiet_cli("status", "--rejected", "--db", store)
    (row,) = (line for line in out.splitlines() if name in line)
    assert "no_text: " in row and len(row) < 1000


def test_a_list_of_themes_that_is_cut_says_so_and_json_is_whole(
    tmp_path: Path, quiet_cli: Callable[..., tuple[int, str, str]]
) -> None:
    write_csv(tmp_path / "good.csv", make_rows(20)[5:15])
    quiet_cli("ingest", "good.csv")
    store = open_store(f"sqlite:///{tmp_path}/earful.db")
    row = {"name": "Card", "status": "active", "origin": "discovered"}
    with store.write() as connection:
        many = [{**row, "theme_id": f"t{i:012d}", "n_customers": i} for i in range(64)]
        connection.execute(tables.theme.insert(), many)
    store.engine.dispose()

    def count_listed(*options: str) -> tuple[int, str]:
        out = quiet_cli("themes", "list", *options)[1]
        return out.count("t0000000"), out.splitlines()[-1]

    assert count_listed() == (50, "50 of 64 themes shown; all with --limit 0")
    listed = quiet_cli("themes", "list")[1]
    assert "no verdict on 50 of 50: it was not judged since it changed" in listed
    assert count_listed("-n", "7") == (7, "7 of 64 themes shown; all with --limit 0")
    for options in (("--limit", "0"), ("--limit", "64"), ("--all", "-n", "0")):
        n_listed, last = count_listed(*options)
        assert n_listed == 64 and "shown" not in last
    assert [count_listed("--json", *n)[0] for n in ((), ("-n", "0"), ("-n", "7"))] == [64, 64, 7]


def test_json_goes_to_standard_output_and_progress_to_standard_error(
    tmp_path: Path, quiet_cli: Callable[..., tuple[int, str, str]]
) -> None:
    write_csv(tmp_path / "good.csv", make_rows(20)[5:15])
    code, out, err = quiet_cli("ingest", "good.csv", "--json")
    assert code == 0
    assert json.loads(out)["n_new"] == 10
    assert "reading good.csv" in err
    for command in (["status"], ["runs"], ["schema"], ["themes", "list"], ["inspect", "good.csv"]):
        code, out, _ = quiet_cli(*command, "--json")
        assert code == 0
        json.loads(out)


def test_inspect_hides_personal_data(
    tmp_path: Path, quiet_cli: Callable[..., tuple[int, str, str]]
) -> None:
    write_csv(tmp_path / "crm.csv", [{**row, "First name": "Dana"} for row in CRM])
    write_csv(tmp_path / "reviews.csv", make_rows(12))
    for arguments in (["inspect", "crm.csv", "reviews.csv"], ["inspect", "crm.csv", "--json"]):
        _, out, _ = quiet_cli(*arguments)
        assert "example.com" not in out
        assert "Dana" not in out
    assert not list(tmp_path.glob("*.db"))
