"""One person's whole life in earful, by the commands alone, with the real models."""

import csv
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipelines.rights.scan import find_traces
from pipelines.store import open_store
from tests.command_line import Call, make_call
from tests.engines import open_engine
from tests.pipelines.delivery.http_server import serve
from tests.pipelines.delivery.services import WebhookService
from tests.pipelines.rights.test_forgetting import list_store_files

WHO, MAIL, HANDLE = "C-7007-dana", "dana.levi@example.com", "@dana_writes"
KEY = "whsec_Y2FuYXJ5LXNlY3JldC1vZi10aGUtd2ViaG9vay0x"
SAID = {
    "survey": "I am cancelling my subscription, the parcel never came in seven weeks",
    "social": "המשלוח שלכם איחר שוב בשבועיים ואף אחד לא עונה לי בטלפון",
    "review": "خدمة العملاء سيئة جدا ولم يرجعوا لي المبلغ حتى الآن",
}
OTHERS = (
    "the parcel came two weeks late again",
    "delivery was late and nobody answered",
    "great service and friendly people",
    "the app is easy to use every day",
    "my refund never arrived after the return",
    "prices are fair for what one gets",
    "the website is slow in the evening",
)
CONFIG = """
[store]
url = "{url}"

[[sources]]
name = "survey"
path = "in/survey.csv"

[[sources]]
name = "social"
path = "in/social.csv"

[[sources]]
name = "review"
path = "in/review.csv"

[[customers]]
path = "in/customers.csv"

[[events]]
path = "in/events.csv"

[[destinations]]
name = "desk"
kind = "webhook"
url = "{address}"
networks = ["127.0.0.0/8"]
secrets = ["${{HOOK_SECRET}}"]

[[rules]]
name = "unhappy"
kind = "customer"
max_sentiment = 0.1
open_theme = true
contacts_customer = true
channel = "email"
customer_days = 0
deliver_to = ["desk"]

[[rules]]
name = "detractor"
kind = "customer"
nps = "detractor"
customer_days = 0
deliver_to = ["desk"]

[[syncs]]
name = "warehouse"
kind = "sql"
to = "sqlite:///warehouse.db"
table = "voice"
create = true
fields = {{ risk = "risk", said = "n_feedback" }}
"""


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_inputs(folder: Path) -> None:
    day = "2026-10-{:02d}"
    others = [
        {"id": f"s{n}", "date": day.format(1 + n % 28), "email": f"p{n}@example.com"}
        | {"score": 7 + n % 4, "comment": OTHERS[n % len(OTHERS)] + f" {n}"}
        for n in range(28)
    ]
    own = {"id": "s900", "date": day.format(20), "email": MAIL.upper(), "score": 0}
    write_rows(folder / "survey.csv", [*others, own | {"comment": SAID["survey"]}])
    post = {"id": "p1", "handle": HANDLE, "created_at": day.format(22), "text": SAID["social"]}
    write_rows(folder / "social.csv", [post])
    review = {"id": "r1", "date": day.format(25), "customer_id": WHO, "review": SAID["review"]}
    write_rows(folder / "review.csv", [review])
    people = [
        {"customer_id": WHO, "email": MAIL, "handle": HANDLE, "segment": "Plus"},
        {"customer_id": "C-1", "email": "p1@example.com", "handle": "", "segment": "Basic"},
    ]
    write_rows(folder / "customers.csv", people)
    order = {"customer_id": WHO, "date": day.format(2), "kind": "order", "amount": "900,50"}
    write_rows(folder / "events.csv", [order | {"currency": "EUR"}])


def read_all(url: str, query: str) -> list[tuple[Any, ...]]:
    engine = open_engine(url)
    with closing(engine.raw_connection()) as raw, closing(raw.cursor()) as cursor:
        cursor.execute(query)
        rows = [tuple(row) for row in cursor.fetchall()]
    engine.dispose()
    return rows


@pytest.mark.model
def test_a_person_writes_is_known_is_answered_refuses_asks_and_is_forgotten(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    desk = WebhookService(KEY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOK_SECRET", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("EARFUL_SECRET", "a secret of this test that is long enough")
    write_inputs(tmp_path / "in")
    with serve(desk) as (_, address):
        Path("earful.toml").write_text(CONFIG.format(url=database_url, address=address))
        live(make_call(capsys), desk, database_url, tmp_path)


def live(call: Call, desk: WebhookService, url: str, folder: Path) -> None:
    def told(*arguments: object) -> Any:
        ended = call(*arguments, "--json")
        assert ended.code == 0, ended.err
        return json.loads(ended.out)

    # They write in three places, and are one customer with a row.
    told("run")
    page = told("customers", "show", WHO)
    assert {each["text"] for each in page["feedback"]} == set(SAID.values())
    methods = {each["source"]: each["link_method"] for each in page["feedback"]}
    assert methods == {"survey": "email", "social": "handle", "review": "customer_id"}
    assert {each["lang"] for each in page["feedback"]} == {"en", "he", "ar"}
    assert page["insight"]["value"] == 900.5
    assert page["insight"]["sentiment"] < 0

    # What is to be done about them goes out once; what would approach them waits for their word.
    assert told("actions", "deliver")["outcomes"][0]["state"] == "sent"
    by_rule = {each["rule"]: each for each in told("actions", "list")["actions"]}
    assert (by_rule["detractor"]["status"], by_rule["detractor"]["customer_id"]) == ("sent", WHO)
    if "unhappy" in by_rule:
        assert by_rule["unhappy"]["reason"] == "contact_refused"
    assert told("actions", "deliver")["outcomes"] == []
    (event,) = desk.taken.values()
    (item,) = event["data"]["actions"]
    assert item["customer"] == {"id": WHO, "segment": "Plus"}
    assert {each["text"] for each in item["quotes"]} <= set(SAID.values())

    told("sync")
    warehouse = f"sqlite:///{folder}/warehouse.db"
    assert (WHO, 3) in read_all(warehouse, "SELECT customer_id, said FROM voice")

    # They refuse to be quoted, then to be profiled: at once, and where it was written to.
    told("report", "-o", "report.html")
    told("customers", "show", WHO, "-o", "page.html")
    told("consent", "withdraw", "--customer", WHO, "--purpose", "quoting")
    assert all(each["text"] is None for each in told("customers", "show", WHO)["feedback"])
    shown = Path("report.html").read_text() + Path("page.html").read_text()
    assert not any(words in shown for words in SAID.values())
    told("consent", "withdraw", "--customer", WHO, "--purpose", "profiling")
    assert call("customers", "show", WHO).code == 1
    assert not Path("page.html").exists()
    told("sync")
    assert read_all(warehouse, "SELECT customer_id FROM voice") == [("C-1",)]
    who = {row[0] for row in read_all(url, "SELECT customer_id FROM customer_insight")}
    assert who == {"C-1"}

    # They ask what is held, and get all of it, with what it led to.
    told("export-customer", "--email", MAIL, "-o", "them.json")
    held = json.loads(Path("them.json").read_text())
    assert {each["text"] for each in held["feedback"]} == set(SAID.values())
    assert len(held["actions"]) == len(by_rule)
    assert len(held["events"]) == 1
    assert {each["purpose"] for each in held["consent"]} == {"quoting", "profiling"}

    # They are forgotten: not a byte is left, and what comes again is not stored.
    (receipt,) = told("forget", "--email", MAIL)
    assert receipt["problems"] == []
    assert receipt["counts"]["feedback"] == 3
    assert not Path("them.json").exists()
    assert find_person(url, folder) == {}
    again = call("run", "--json")
    assert json.loads(again.out)["n_blocked"] == 3
    told("sync")
    assert find_person(url, folder) == {}


def find_person(url: str, folder: Path) -> dict[str, int]:
    """Files in which something of them stands, but for what was read in.

    The warehouse is another's: its row is deleted, its free pages are not ours to clean.
    """
    given = {folder / "earful.toml", folder / "warehouse.db", *(folder / "in").iterdir()}
    store = open_store(url)
    files = {*folder.rglob("*"), *list_store_files(store, folder)} - given
    store.engine.dispose()
    return find_traces(sorted(files), [WHO, MAIL, MAIL.upper(), HANDLE[1:], *SAID.values()])
