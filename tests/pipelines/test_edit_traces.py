"""What customers said is masked before an edit holds it, and every place of it can be found."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from pipelines import tables
from pipelines.edits.traces import find_traces, list_traces
from pipelines.errors import ConfigError
from pipelines.store import Store
from pipelines.themes.edit_log import read_log
from tests.pipelines.planted import edit, make_store, plant, read_mentions, read_themes


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Store]:
    store = make_store(f"sqlite:///{tmp_path}/earful.db", 120)
    yield store
    store.engine.dispose()


def read_payloads(store: Store) -> dict[str, str]:
    """The payload of each edit as it stands in the table."""
    column = tables.theme_edit.c
    with store.read() as connection:
        rows = connection.execute(select(column.edit_id, column.payload)).all()
    return {edit_id: json.dumps(payload, ensure_ascii=False) for edit_id, payload in rows}


def test_every_edit_that_holds_a_mention_is_found_and_no_other(filled: Store) -> None:
    said = plant().texts
    a, b, *_ = read_themes(filled)
    own = {key: row for key, row in read_mentions(filled).items() if row["theme_id"] == a}
    mine, other = sorted(own)[:2]
    text, key = own[mine]["text"], own[mine]["text_hash"]
    edit(filled, "pin", text="Mine", examples=[f"they wrote: {text} !", said[1]])
    edit(filled, "pin", text="Another", examples=[said[2]])
    edit(filled, "move", b, mention_ids=[other])
    edit(filled, "split", b, mention_ids=[other])
    edit(filled, "move", b, mention_ids=[mine])
    edit(filled, "rename", b, text="Cards")
    payloads = read_payloads(filled)
    holding = {each for each, raw in payloads.items() if mine in raw or key in raw or text in raw}
    with filled.read() as connection:
        found = find_traces(connection, {mine})
        every = list_traces(read_log(connection))
    assert {trace.edit_id for trace in found} == holding
    assert {trace.place for trace in found} >= {"mentions", "examples"}
    # Whatever id, hash or text of any mention a payload holds is in the list.
    listed = {(trace.edit_id, trace.mention_id) for trace in every}
    for mention_id in read_mentions(filled):
        for edit_id, raw in payloads.items():
            assert (mention_id in raw) == ((edit_id, mention_id) in listed)


def test_what_people_write_is_masked_wherever_it_is_stored(filled: Store) -> None:
    a, *_ = read_themes(filled)
    mail = "dana@example.com"
    edit(filled, "pin", text=f"Mail {mail}", about=f"Write to {mail}", examples=[f"at {mail}!"])
    edit(filled, "pin", text=f"Only {mail}")
    edit(filled, "rename", a, text=f"Mr {mail}")
    edit(filled, "describe", a, text=f"About {mail}")
    one = min(key for key, row in read_mentions(filled).items() if row["theme_id"] == a)
    edit(filled, "split", a, mention_ids=[one], text=f"Of {mail}")
    payloads = read_payloads(filled)
    assert all("<EMAIL>" in raw for raw in payloads.values())
    assert len(payloads) == 5
    content = Path(str(filled.engine.url.database)).read_bytes()
    assert mail.encode() not in content
    with pytest.raises(ConfigError, match=r"personal data \(<EMAIL>\).*leave it out") as refused:
        edit(filled, "pin", text="Calls", keywords=[mail])
    assert mail not in str(refused.value)
