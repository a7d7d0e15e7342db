"""What a message says, and how each kind keeps it from being anything else."""

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import delete, select

from pipelines import tables
from pipelines.config import check_config
from pipelines.delivery.delivering import Delivered
from pipelines.delivery.email import EmailConfig
from pipelines.delivery.messages import Item, Message, Quote, make_message_id, one_line, show_fact
from pipelines.delivery.slack import SlackConfig
from pipelines.errors import ConfigError
from pipelines.rights.outputs import rewrite_outputs
from pipelines.store import Store
from tests.pipelines.delivery.conftest import HTTP_KINDS, SECRET, Place
from tests.pipelines.delivery.http_server import Mishap, Reply, serve
from tests.pipelines.delivery.outbox_store import (
    ENGLISH,
    HEBREW,
    NOW,
    RISKY,
    FakeClock,
    add_action,
    make_job,
    read_actions,
    withdraw,
)
from tests.pipelines.delivery.services import WebhookService
from tests.pipelines.delivery.smtp_server import serve_mail

Open = Callable[..., Place]
Deliver = Callable[..., Delivered]
# A title that would be a header of its own, and call a channel, if it could.
TITLE = "Late <!channel>\r\nBcc: all@acme.example & \u202eevil"


def send_one(outbox: Store, place: Place, deliver: Deliver, **given: Any) -> Any:
    """Send an action with risky words, and give what the receiver got."""
    add_action(outbox, 0, place.entry["name"], payload={"title": TITLE}, **given)
    assert deliver(place).count("sent") == 1
    return place.server.requests[-1].value if place.server else None


def test_an_event_tells_everything_once(outbox: Store, open_place: Open, deliver: Deliver) -> None:
    event = send_one(outbox, open_place("webhook"), deliver)
    (action,) = event["data"]["actions"]
    quotes = [
        {"text": text, "lang": lang, "at": NOW.isoformat()}
        for text, lang in ((HEBREW, "he"), (RISKY, "en"))
    ]
    assert action == {
        "action_id": "20261122T100000000a000",
        "kind": "customer",
        "rule": "save_detractor",
        "title": TITLE,
        "reason": "detractor above 500 a year",
        "created_at": "2026-11-22T11:00:00+00:00",
        "customer": {"id": "c0", "segment": "gold"},
        "theme": {"id": "t1", "name": "Late repairs"},
        "facts": {"risk": 0.8125, "value": 1250},
        "quotes": quotes,
    }
    assert (event["time"], event["type"]) == ("2026-11-22T11:00:00Z", "earful.action.raised")


def test_quotes_are_few_allowed_and_beside_a_name_that_customers_own(
    outbox: Store, open_place: Open, deliver: Deliver
) -> None:
    place = open_place("webhook", max_quotes=2)
    everything = {"mentions": ["f2-0", "f3-0", "f0-0", "f1-0", "gone-0", "f4-0"]}
    add_action(outbox, 0, "webhook", payload=everything, customer_id=None)
    add_action(outbox, 1, "webhook", payload={"mentions": []})
    add_action(outbox, 2, "webhook", payload=everything, customer_id="c1")
    withdraw(outbox, "c0", "quoting")
    deliver(place)
    told = [event["data"]["actions"][0]["quotes"] for event in place.service.taken.values()]
    texts = [[quote["text"] for quote in quotes] for quotes in told]
    # c0 is quoted nowhere; the same words of c1 once.
    assert texts == [[ENGLISH, "Too dear."], [], [ENGLISH, "Too dear."]]


def test_slack_gets_no_links_calls_or_bold_words(
    outbox: Store, open_place: Open, deliver: Deliver
) -> None:
    payload = send_one(outbox, open_place("slack"), deliver)
    header, facts, *quotes, foot = payload["blocks"]
    assert payload["text"] == "Late &lt;!channel&gt; Bcc: all@acme.example &amp; evil"
    assert header["text"]["text"] == "Late <!channel> Bcc: all@acme.example & evil"
    assert header["text"]["type"] == foot["elements"][0]["type"] == "plain_text"
    assert facts["text"]["text"].splitlines() == [
        "detractor above 500 a year",
        "*Customer:* c0 (gold)",
        "*Theme:* Late repairs",
        "*risk:* 0.8125",
        "*value:* 1,250",
        "*Raised:* 2026-11-22 11:00 UTC by save_detractor",
    ]
    assert [each["text"] for each in quotes] == [
        {"type": "plain_text", "text": text} for text in (HEBREW, RISKY)
    ]
    config = SlackConfig(name="s", kind="slack", url="${U}")
    facts_of_all = {f"<{n}>": "&" * 900 for n in range(30)}
    item = Item(
        "a",
        "k",
        "r",
        "&" * 400,
        "<" * 5000,
        NOW,
        facts_of_all,
        quotes=tuple(Quote("q" * 9000, None, None) for _ in range(20)),
    )
    blocks = config.connect(Path(), FakeClock()).render(Message("m", (item,) * 3))["blocks"]
    assert len(blocks) == 50
    assert max(len(block["text"]["text"]) for block in blocks[:-1]) <= 3000
    # No escape is cut in two.
    assert not re.search("&(?!amp;|lt;|gt;)", blocks[1]["text"]["text"])


def test_github_and_jira_get_words_and_no_markup(
    outbox: Store, open_place: Open, deliver: Deliver
) -> None:
    issue = send_one(outbox, open_place("github"), deliver)
    body = issue["body"]
    fence = "```text\n" + RISKY + "\n```"
    assert fence in body
    around = body.replace(fence, "")
    assert "@acme" not in around
    assert "\\<\\!channel\\>" in around
    assert issue["title"] == "Late <!channel> Bcc: all@acme.example & evil"
    add_action(outbox, 1, "jira", payload={"reason": ""})
    jira = open_place("jira", labels=["voc"], fields={"priority": {"name": "High"}})
    assert deliver(jira).count("sent") == 1
    (fields,) = jira.service.issues
    assert fields["labels"][0::2] == ["earful", "voc"]
    assert fields["priority"] == {"name": "High"}
    quotes = [
        n["content"][0]["content"][0]["text"]
        for n in fields["description"]["content"]
        if n["type"] == "blockquote"
    ]
    assert quotes == [HEBREW, RISKY]


def test_a_file_is_whole_its_formulas_are_none_and_a_folder_that_cannot_be_written_is_told(
    outbox: Store, open_place: Open, deliver: Deliver, tmp_path: Path
) -> None:
    place = open_place("csv")
    add_action(outbox, 0, "csv", payload={"title": "=HYPERLINK(1)", "reason": "-5"})
    add_action(outbox, 1, "csv", customer_id="@c9")
    deliver(place)
    (path,) = (tmp_path / "drop").iterdir()
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["title"], first["reason"]) == ("'=HYPERLINK(1)", "'-5")
    assert json.loads(first["quotes"]) == [HEBREW, RISKY]
    assert second["customer_id"] == "'@c9"
    assert read_actions(outbox, "reference") == [(str(path),)] * 2
    blocked = open_place("csv", folder="earful.toml/drop", name="other")
    (tmp_path / "earful.toml").touch()
    add_action(outbox, 2, "other")
    done = deliver(blocked)
    assert "could not be written (" in done.closed["other"]


def test_a_file_that_was_not_fetched_yet_is_written_anew_without_whom_it_may_not_tell_of(
    outbox: Store, open_place: Open, deliver: Deliver, tmp_path: Path
) -> None:
    place = open_place("csv")
    add_action(outbox, 0, "csv")
    add_action(outbox, 1, "csv", customer_id="c1")
    deliver(place)
    job = make_job(outbox, tmp_path, place.entry)
    (path,) = (tmp_path / "drop").iterdir()
    before = path.read_bytes()
    assert rewrite_outputs(outbox, job) == []
    assert path.read_bytes() == before
    withdraw(outbox, "c1", "profiling")
    withdraw(outbox, "c0", "quoting")
    assert rewrite_outputs(outbox, job) == []
    (row,) = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())
    assert (row["customer_id"], row["quotes"]) == ("c0", "[]")
    with outbox.write() as connection:
        connection.execute(delete(tables.action))  # as an erasure does
    assert rewrite_outputs(outbox, job) == []
    assert not path.exists()
    with outbox.read() as connection:
        assert connection.execute(select(tables.output_file)).all() == []


def test_mails_are_plain_and_html_right_to_left_where_words_are_and_headers_hold(
    outbox: Store, open_place: Open, deliver: Deliver
) -> None:
    place = open_place("email", to=["care@acme.example", "boss@acme.example"])
    assert place.mail
    place.mail.answers = {"RCPT": ["550 nobody"]}
    add_action(outbox, 0, "email", payload={"title": TITLE})
    done = deliver(place)
    assert done.outcomes[0].reason == "1 of 2 mailboxes were refused"
    (mail,) = place.mail.mails
    assert mail["Subject"] == "Late <!channel> Bcc: all@acme.example & evil"
    assert mail["Bcc"] is None
    assert mail["Message-ID"] == f"<{done.outcomes[0].message_id}@acme.example>"
    text, page = (part.get_content() for part in mail.iter_parts())
    assert f"> {HEBREW}" in text
    assert 'dir="rtl" lang="he"' in page
    assert HEBREW in page
    assert "<script>" not in page
    assert "&lt;/p&gt;&lt;script&gt;" in page
    assert place.mail.commands.index("STARTTLS") < place.mail.commands.index("AUTH")


def test_a_mail_server_that_refuses_is_told_apart_from_one_that_is_busy(
    outbox: Store, open_place: Open, deliver: Deliver, clock: FakeClock
) -> None:
    place = open_place("email", tries=2, when_unknown="stop")
    assert place.mail
    for number, (answers, status, reason) in enumerate(
        [
            ({"MAIL": ["421 busy"]}, "sent", None),
            (
                {"RCPT": ["451 greylisted", "451 greylisted"]},
                "pending",
                "refused its mailbox (451)",
            ),
            ({"RCPT": ["550 nobody"]}, "failed", "refused its mailbox (550)"),
            ({"DATA": ["554 spam"]}, "failed", "refused the mail (554)"),
            ({"DATA": ["cut", "cut"]}, "failed", "closed the connection before it said"),
            ({"MAIL": ["cut", "cut"]}, "pending", "broke off before the mail"),
            ({"AUTH": ["535 wrong"]}, "pending", "refused user and password (535)"),
        ]
    ):
        action_id = add_action(outbox, number, "email")
        place.mail.answers = answers
        deliver(place)
        rows = {row[0]: row[1:] for row in read_actions(outbox, "action_id", "status", "reason")}
        assert rows[action_id][0] == status, answers
        assert (reason or "") in (rows[action_id][1] or ""), answers
    place.mail.has_starttls = False
    add_action(outbox, 20, "email")
    assert "does not offer STARTTLS" in deliver(place).closed["email"]


def test_what_a_receiver_has_is_found_on_a_later_page_and_behind_a_used_key(
    open_place: Open, clock: FakeClock, tmp_path: Path
) -> None:
    item = Item("a", "k", "r", "title", "", NOW, {})
    message = Message(make_message_id("d", ["a"], NOW), (item,))
    github = open_place("github")
    github.service.issues = [{"body": f"not ours {n}", "html_url": str(n)} for n in range(150)]
    github.service.issues.append({"body": None})
    (entry,) = check_config({"destinations": [github.entry]}, "x").destinations
    destination = entry.connect(tmp_path, clock)
    destination.open()
    assert destination.find(message) is None
    made = destination.send(message)
    assert made.reference == "https://github.com/acme/care/issues/152"
    assert destination.find(message) == made
    zendesk = open_place("zendesk")
    (entry,) = check_config({"destinations": [zendesk.entry]}, "x").destinations
    destination = entry.connect(tmp_path, clock)
    destination.open()
    made = destination.send(message)
    # A quote was withdrawn between two tries: another text under the same key.
    assert destination.send(replace(message, items=(replace(item, reason="new"),))) == made
    assert len(zendesk.taken) == 1


def test_certificates_are_checked_and_an_own_authority_is_named(
    outbox: Store, open_place: Open, deliver: Deliver, certificate: Path
) -> None:
    for number, (settings, state) in enumerate(
        [({"ca_file": str(certificate)}, "sent"), ({"ca_file": None}, "later")]
    ):
        with serve_mail(certificate, is_tls=True) as (_, port):
            place = open_place("email", security="tls", port=port, name=f"m{number}", **settings)
            add_action(outbox, number, f"m{number}")
            done = deliver(place)
        assert done.outcomes[0].state == state
        service = WebhookService(SECRET)
        with serve(service, certificate) as (_, address):
            place = open_place("webhook", url=address, name=f"w{number}", **settings)
            add_action(outbox, number + 10, f"w{number}")
            hooked = deliver(place)
        assert (hooked.outcomes[0].state, len(service.taken)) == (state, int(state == "sent"))
    told = [done.closed["m1"], hooked.closed["w1"]]
    assert all("certificate is not trusted; name your own" in reason for reason in told)


def test_what_is_not_safe_is_refused_in_the_configuration() -> None:
    mail = {
        "kind": "email",
        "name": "m",
        "host": "mail.acme.example",
        "sender": "a@b.example",
        "to": ["c@d.example"],
    }
    hook = {"kind": "webhook", "name": "w", "url": "https://a.example", "secrets": ["${S}"]}
    for entry, said in (
        (mail | {"security": "none"}, "is not encrypted; set security"),
        (mail | {"username": "u", "password": "hunter2"}, "is a secret"),
        (mail | {"username": "u"}, "username and password go together"),
        (
            mail | {"security": "none", "host": "localhost", "username": "u", "password": "${P}"},
            "is not sent without TLS",
        ),
        (mail | {"to": ["c@d.example\r\nBcc: e@f.example"]}, "is no e-mail address"),
        (mail | {"to": []}, "at least 1 item"),
        (hook | {"url": "http://a.example"}, "is not encrypted; write https://"),
        (hook | {"url": "https://me:pw@a.example"}, "do not belong into a URL"),
        (hook | {"url": "ftp://a.example"}, "is no address"),
        (hook | {"secrets": []}, "at least 1 item"),
        (hook | {"kind": "fax"}, "expected tags: 'webhook', 'slack'"),
        (hook | {"unsigned": True}, "unknown key @ destinations.0.webhook.unsigned (known here:"),
    ):
        with pytest.raises(ConfigError) as caught:
            check_config({"destinations": [entry]}, "earful.toml")
        assert said in str(caught.value), entry
        assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigError, match="two destinations are called w"):
        check_config({"destinations": [hook, hook]}, "earful.toml")
    check_config({"destinations": [hook | {"url": "http://127.0.0.1:8080/in"}]}, "earful.toml")
    check_config(
        {"destinations": [hook | {"plain_http": True, "url": "http://hook.intern"}]}, "earful.toml"
    )
    with pytest.raises(ValidationError):
        EmailConfig.model_validate({**mail, "port": 0})


def test_small_things() -> None:
    ids = [make_message_id("d", keys, NOW) for keys in (["a", "b"], ["b", "a"], ["ab"])]
    assert ids[0] == ids[1] != ids[2]
    assert make_message_id("e", ["a", "b"], NOW) != ids[0]
    assert one_line(" a\r\nb\x00\tc\u2066 ") == "a b c"
    shown = [show_fact(value) for value in (1234567, 0.25, 1e6, 3.0, "x", 0.123456)]
    assert shown == ["1,234,567", "0.25", "1,000,000", "3", "x", "0.1235"]


@pytest.mark.parametrize("kind", HTTP_KINDS)
def test_an_answer_without_what_it_should_hold_does_no_harm(
    kind: str, outbox: Store, open_place: Open, deliver: Deliver, clock: FakeClock
) -> None:
    place = open_place(kind)
    assert place.server
    for number, value in enumerate((["a"], {"ticket": 3, "key": 4, "html_url": {}}, "7")):
        add_action(outbox, number, kind)
        place.server.mishaps.append(Mishap(Reply(201, value)))
    done = deliver(place)
    assert {each.state for each in done.outcomes} <= {"sent", "later", "failed"}
    # Something else answers in the place of a ticket system without a ticket: the others wait.
    assert len(done.outcomes) == (1 if done.closed else 3)
    assert bool(done.closed) == (kind in ("jira", "zendesk", "github"))
