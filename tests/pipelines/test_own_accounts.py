"""What the company's own accounts post is no feedback, wherever the author is named."""

import json
from datetime import UTC
from pathlib import Path

import pytest

from pipelines.config import check_config
from pipelines.errors import ConfigError
from pipelines.feedback_rows import RowSettings, prepare_feedback
from pipelines.own_accounts import fold_accounts
from pipelines.reading.files import find_files
from pipelines.reading.items import FeedbackItem
from pipelines.reading.opening import open_tables
from pipelines.reading.plans import plan_table
from pipelines.reading.records import feedback_items
from pipelines.reading.sampling import sample_table
from pipelines.reading.tables import BadRow

SECRET = b"a secret for tests, long enough"
OWN = fold_accounts(["@Acme", "u/acme_support", "Acme  Support"])
SETTINGS = RowSettings("shop", None, None, None, "US", SECRET, own_accounts=OWN)
TEXT = "the new opening hours of the shop are on the page"


@pytest.mark.parametrize(
    "author, handle, reason",
    [
        ("acme", None, "not_feedback"),
        (None, "@ACME", "not_feedback"),
        (None, "https://x.com/acme", "not_feedback"),
        ("acme_support", None, "not_feedback"),
        ("acme support", None, "not_feedback"),
        ("acme fan", "acme_fan", None),
        (None, None, None),
    ],
)
def test_an_own_account_is_known_by_name_or_handle(
    author: str | None, handle: str | None, reason: str | None
) -> None:
    item = FeedbackItem("f.csv", 1, TEXT, author=author, handle=handle)
    assert prepare_feedback(item, SETTINGS).row["noise_reason"] == reason


def test_automoderator_and_moderators_of_reddit_are_set_aside(tmp_path: Path) -> None:
    people = [("AutoModerator", None), ("Real_Person", None), ("a_mod", "moderator")]
    lines = [
        {"body": f"{TEXT} {n}", "link_id": "t3_a", "subreddit": "acme", "id": f"c{n}"}
        | {"author": author, "distinguished": distinguished, "created_utc": 1700000000 + n}
        for n, (author, distinguished) in enumerate(people)
    ]
    path = tmp_path / "comments.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    (file,) = find_files([str(path)])
    plan = plan_table(sample_table(next(open_tables(file))))
    read = feedback_items(next(open_tables(file)), plan.mapping, plan.formats, UTC)
    items = [item for item in read if not isinstance(item, BadRow)]
    reasons = [prepare_feedback(item, SETTINGS).row["noise_reason"] for item in items]
    assert reasons == ["not_feedback", None, "not_feedback"]


def test_an_own_account_without_letters_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"1 of 2 have no letters.* @ noise.own_accounts"):
        check_config({"noise": {"own_accounts": ["@acme", "@"]}}, "earful.toml")
