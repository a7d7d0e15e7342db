"""What people call no noise counts, whatever later runs find, until it is undone or edited."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from pipelines import tables
from pipelines.adverts import mark_adverts
from pipelines.copies import mark_copies, note_stale_copies
from pipelines.edits.noise import lay_sound, prepare_not_noise
from pipelines.edits.requests import Drafts, EditRequest
from pipelines.errors import ConfigError
from pipelines.models import Models
from pipelines.noise_rows import list_noise
from pipelines.runs import Run
from pipelines.themes.edit_log import append_edit
from tests.pipelines.conftest import add_rows, read_rows
from tests.pipelines.test_link import a_feedback

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class OtherEncoder:
    """Its vectors say nothing to the spam model, which goes by the signs."""

    encoder_name, is_default_encoder = "other", False


def ask(run: Run, action: str, other: str | None = None, ids: tuple[str, ...] = ()) -> None:
    """Log an edit, as the command does."""
    drafts = Drafts.begin(run.connection, Models.__new__(Models), "US")
    from pipelines.edits.requests import prepare_undos

    request = EditRequest(action, other_id=other, mention_ids=ids)
    drafts.add(
        prepare_undos(drafts, other) if action == "undo" else [prepare_not_noise(drafts, request)]
    )
    for edit in drafts.edits:
        append_edit(run.connection, edit, "dana", NOW)


def reasons(run: Run) -> dict[str, tuple[Any, ...]]:
    names = ("feedback_id", "noise_reason", "found_noise_reason", "noise_edit_id")
    return {row[0]: row[1:] for row in read_rows(run.connection, "feedback", *names)}


def test_feedback_called_no_noise_counts_in_every_run_until_that_is_undone(run: Run) -> None:
    row = {"text_hash": "h", "author_key": "a"}
    add_rows(run.connection, "feedback", a_feedback("f1", **row), a_feedback("f2", **row))
    mark_copies(run)
    ask(run, "not_noise", ids=("f1", "f2"))
    assert lay_sound(run) == 1
    kept = {"f1": (None, None, None), "f2": (None, "copy", "e000001")}
    assert reasons(run) == kept
    note_stale_copies(run.connection)
    assert (mark_copies(run), lay_sound(run), reasons(run)) == (0, 0, kept)
    ask(run, "undo", "e000001")
    assert lay_sound(run) == 1
    assert reasons(run)["f2"] == ("copy", "copy", None)
    ask(run, "undo", "e000002")
    lay_sound(run)
    assert reasons(run) == kept


def test_feedback_that_its_customer_edited_is_judged_anew(run: Run) -> None:
    spam = {"noise_reason": "spam", "found_noise_reason": "spam"}
    add_rows(run.connection, "feedback", a_feedback("f1", text_hash="h", **spam))
    ask(run, "not_noise", ids=("f1",))
    lay_sound(run)
    run.connection.execute(update(tables.feedback).values(text_hash="other"))
    assert lay_sound(run) == 1
    assert reasons(run)["f1"] == ("spam", "spam", None)


@pytest.mark.parametrize(
    "ids, said", [(("f9",), "1 of 1 feedback are not in"), (("f1",), "none of 1")]
)
def test_what_is_no_noise_or_not_there_is_refused(
    run: Run, ids: tuple[str, ...], said: str
) -> None:
    add_rows(run.connection, "feedback", a_feedback("f1", text_hash="h"))
    with pytest.raises(ConfigError, match=said):
        ask(run, "not_noise", ids=ids)
    with pytest.raises(ConfigError, match="no feedback is noise for the reason 'spma'"):
        list_noise(run.connection, "spma", 5)


def test_every_copy_of_an_advert_is_an_advert_and_stays_one(run: Run) -> None:
    advert = (
        "FREE entry! Text WIN to 80086 to claim your £1000 prize, call 09061234567 now. 18+ only"
    )
    data = np.zeros(384, dtype="<f2").tobytes()
    add_rows(run.connection, "vector", {"text_hash": "m", "model": "other", "data": data})
    for key, text in (("f1", advert), ("f2", advert), ("f3", "The driver was late")):
        add_rows(run.connection, "feedback", a_feedback(key, text=text, text_hash=text[:9]))
        mention = {"mention_id": key, "feedback_id": key, "position": 0, "text": text}
        add_rows(run.connection, "mention", {**mention, "text_hash": "m"})
    assert mark_copies(run) == 1
    assert mark_adverts(run, OtherEncoder(), ["f1", "f2", "f3"]) == 2  # type: ignore[arg-type]
    assert {key: found[0] for key, found in reasons(run).items()} == {
        "f1": "spam",
        "f2": "spam",
        "f3": None,
    }
    note_stale_copies(run.connection)
    assert mark_copies(run) == 0
    assert [row["feedback_id"] for row in list_noise(run.connection, "spam", 5)] == ["f1", "f2"]
