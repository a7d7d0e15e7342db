"""Create all tables."""

import sqlalchemy as sa
from alembic import op

from pipelines import tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "action",
        sa.Column("action_id", sa.Text(), nullable=False, comment="time-ordered id"),
        sa.Column("kind", sa.Text(), nullable=True, comment="webhook, email, ticket, ..."),
        sa.Column("rule", sa.Text(), nullable=True, comment="the rule that raised it"),
        sa.Column("customer_id", sa.Text(), nullable=True, comment="about whom"),
        sa.Column("theme_id", sa.Text(), nullable=True, comment="about which theme"),
        sa.Column("payload", tables.Json, nullable=True, comment="what to send"),
        sa.Column(
            "status", sa.Text(), nullable=False, comment="pending, sent, failed or suppressed"
        ),
        sa.Column(
            "attempts",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="deliveries tried",
        ),
        sa.Column(
            "idempotency_key", sa.Text(), nullable=True, comment="raised once, whatever happens"
        ),
        sa.Column(
            "created_at", tables.UtcDateTime(), nullable=True, comment="when it was raised, UTC"
        ),
        sa.Column(
            "sent_at", tables.UtcDateTime(), nullable=True, comment="when it was delivered, UTC"
        ),
        sa.PrimaryKeyConstraint("action_id"),
        sa.UniqueConstraint("idempotency_key"),
        comment="something to do about a customer or theme, waiting to be delivered",
    )
    op.create_table(
        "consent",
        sa.Column("consent_id", sa.Text(), nullable=False, comment="time-ordered id"),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="whose"),
        sa.Column(
            "purpose", sa.Text(), nullable=False, comment="analysis, quoting, contact or profiling"
        ),
        sa.Column("channel", sa.Text(), nullable=True, comment="for which channel; null for all"),
        sa.Column("status", sa.Text(), nullable=False, comment="granted or withdrawn"),
        sa.Column("source", sa.Text(), nullable=True, comment="who said so"),
        sa.Column("at", tables.UtcDateTime(), nullable=False, comment="when, UTC"),
        sa.Column("expires_at", tables.UtcDateTime(), nullable=True, comment="until when, UTC"),
        sa.PrimaryKeyConstraint("consent_id"),
        comment="what a customer allows; append only",
    )
    op.create_table(
        "customer",
        sa.Column("customer_id", sa.Text(), nullable=False, comment="the id of the CRM"),
        sa.Column("segment", sa.Text(), nullable=True, comment="as the CRM says"),
        sa.Column("country", sa.Text(), nullable=True, comment="as the CRM says"),
        sa.Column("lang", sa.Text(), nullable=True, comment="preferred language"),
        sa.Column(
            "attributes",
            tables.Json,
            nullable=True,
            comment="the remaining CRM columns, contact data left out",
        ),
        sa.Column(
            "valid_from",
            tables.UtcDateTime(),
            nullable=True,
            comment="since when this record holds, UTC",
        ),
        sa.Column(
            "content_hash",
            sa.Text(),
            nullable=True,
            comment="hash of everything the row holds, to notice edits",
        ),
        sa.PrimaryKeyConstraint("customer_id"),
        comment="a record of the CRM",
    )
    op.create_table(
        "customer_insight",
        sa.Column("customer_id", sa.Text(), nullable=False, comment="the customer"),
        sa.Column(
            "n_feedback",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="feedback that counts (no noise)",
        ),
        sa.Column(
            "last_feedback_at", tables.UtcDateTime(), nullable=True, comment="the latest, UTC"
        ),
        sa.Column(
            "sentiment",
            sa.Double(),
            nullable=True,
            comment="mean sentiment score, shrunk toward the mean of all, -1..1",
        ),
        sa.Column(
            "sentiment_trend",
            sa.Double(),
            nullable=True,
            comment="latest half less earlier half; null under four mentions",
        ),
        sa.Column(
            "rating_mean", sa.Double(), nullable=True, comment="mean rating on a scale of 0..1"
        ),
        sa.Column("top_theme_id", sa.Text(), nullable=True, comment="the theme most spoken of"),
        sa.Column(
            "open_theme_id",
            sa.Text(),
            nullable=True,
            comment="the latest complaint with nothing better said since",
        ),
        sa.Column(
            "risk",
            sa.Double(),
            nullable=True,
            comment="0..1; null when there is nothing to base it on",
        ),
        sa.Column(
            "next_action",
            sa.Text(),
            nullable=True,
            comment="what to do next, with the rule that chose it",
        ),
        sa.Column(
            "evidence", tables.Json, nullable=True, comment="list of mention ids behind this row"
        ),
        sa.Column("run_id", sa.Text(), nullable=True, comment="the run that last changed this row"),
        sa.Column(
            "updated_at", tables.UtcDateTime(), nullable=True, comment="when it last changed, UTC"
        ),
        sa.PrimaryKeyConstraint("customer_id"),
        comment="what is known about a customer from what they said; one row a customer",
    )
    op.create_table(
        "customer_key",
        sa.Column(
            "key_type", sa.Text(), nullable=False, comment="customer_id, email, phone, handle ..."
        ),
        sa.Column("key_hash", sa.Text(), nullable=False, comment="keyed hash (HMAC-SHA-256)"),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="the customer with this key"),
        sa.Column("source", sa.Text(), nullable=True, comment="the file that said so"),
        sa.PrimaryKeyConstraint("key_type", "key_hash", "customer_id"),
        comment="the keys by which a customer can be recognised, as keyed hashes",
    )
    with op.batch_alter_table("customer_key", schema=None) as batch_op:
        batch_op.create_index("ix_customer_key_customer", ["customer_id"], unique=False)

    op.create_table(
        "customer_theme",
        sa.Column("customer_id", sa.Text(), nullable=False, comment="the customer"),
        sa.Column("theme_id", sa.Text(), nullable=False, comment="the theme"),
        sa.Column(
            "n_mentions",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="mentions that count",
        ),
        sa.Column("sentiment", sa.Double(), nullable=True, comment="mean sentiment score, -1..1"),
        sa.Column("first_at", tables.UtcDateTime(), nullable=True, comment="first mention, UTC"),
        sa.Column("last_at", tables.UtcDateTime(), nullable=True, comment="last mention, UTC"),
        sa.PrimaryKeyConstraint("customer_id", "theme_id"),
        comment="which customer spoke of which theme",
    )
    op.create_table(
        "erasure",
        sa.Column("request_id", sa.Text(), nullable=False, comment="time-ordered id"),
        sa.Column(
            "key_hash", sa.Text(), nullable=True, comment="keyed hash that blocks a re-import"
        ),
        sa.Column("requested_at", tables.UtcDateTime(), nullable=True, comment="when, UTC"),
        sa.Column("finished_at", tables.UtcDateTime(), nullable=True, comment="when, UTC"),
        sa.Column("counts", tables.Json, nullable=True, comment="rows erased by table"),
        sa.Column("digest", sa.Text(), nullable=True, comment="hash of the receipt"),
        sa.PrimaryKeyConstraint("request_id"),
        comment="receipts of erased persons",
    )
    op.create_table(
        "event",
        sa.Column(
            "event_id",
            sa.Text(),
            nullable=False,
            comment="derived from source and id (or the content), the same in every run",
        ),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="whose event it is"),
        sa.Column("at", tables.UtcDateTime(), nullable=True, comment="when, UTC"),
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="order, refund, churn, renewal, ticket, ..."
        ),
        sa.Column(
            "amount", sa.Double(), nullable=True, comment="in the currency named in attributes"
        ),
        sa.Column("attributes", tables.Json, nullable=True, comment="the remaining columns"),
        sa.Column(
            "content_hash",
            sa.Text(),
            nullable=True,
            comment="hash of everything the row holds, to notice edits",
        ),
        sa.PrimaryKeyConstraint("event_id"),
        comment="operational data (O-data) of a customer",
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index("ix_event_customer", ["customer_id", "at"], unique=False)

    op.create_table(
        "feedback",
        sa.Column(
            "feedback_id",
            sa.Text(),
            nullable=False,
            comment="derived from source and id, or from the content: the same in every run",
        ),
        sa.Column(
            "source",
            sa.Text(),
            nullable=False,
            comment="where it came from: the name of an export, survey or feed",
        ),
        sa.Column(
            "source_id", sa.Text(), nullable=True, comment="the id that the source gave, if any"
        ),
        sa.Column(
            "channel",
            sa.Text(),
            nullable=True,
            comment="survey, review, social, complaint, ticket, ...",
        ),
        sa.Column(
            "party", sa.Text(), nullable=True, comment="zero, first, second or third party data"
        ),
        sa.Column(
            "question",
            sa.Text(),
            nullable=True,
            comment="the open question that was answered, if any",
        ),
        sa.Column("text", sa.Text(), nullable=False, comment="what was said, personal data masked"),
        sa.Column(
            "lang", sa.Text(), nullable=True, comment="ISO 639-1 code; und when it cannot be known"
        ),
        sa.Column(
            "occurred_at", tables.UtcDateTime(), nullable=True, comment="when it was said, UTC"
        ),
        sa.Column("rating", sa.Double(), nullable=True, comment="stars or score as given"),
        sa.Column(
            "rating_max", sa.Double(), nullable=True, comment="the highest rating of that scale"
        ),
        sa.Column(
            "author_key",
            sa.Text(),
            nullable=True,
            comment="keyed hash of the author, to count voices without naming them",
        ),
        sa.Column(
            "customer_id", sa.Text(), nullable=True, comment="the customer who said it, when known"
        ),
        sa.Column(
            "link_method",
            sa.Text(),
            nullable=True,
            comment="customer_id, email, phone or handle: the key that linked it",
        ),
        sa.Column("link_confidence", sa.Double(), nullable=True, comment="0..1"),
        sa.Column(
            "noise_score",
            sa.Double(),
            nullable=True,
            comment="0..1: how likely this should not count",
        ),
        sa.Column(
            "noise_reason",
            sa.Text(),
            nullable=True,
            comment="empty, low_effort, gibberish, copy, spam, ...; null when it counts",
        ),
        sa.Column(
            "duplicate_of",
            sa.Text(),
            nullable=True,
            comment="feedback_id of the first of its copies",
        ),
        sa.Column(
            "attributes",
            tables.Json,
            nullable=True,
            comment="the remaining columns of the row, personal data masked",
        ),
        sa.Column(
            "text_hash",
            sa.Text(),
            nullable=True,
            comment="hash of the normalised text: equal for copies",
        ),
        sa.Column(
            "content_hash",
            sa.Text(),
            nullable=True,
            comment="hash of everything the row holds, to notice edits",
        ),
        sa.Column("run_id", sa.Text(), nullable=True, comment="the run that wrote this version"),
        sa.Column(
            "ingested_at", tables.UtcDateTime(), nullable=True, comment="when it was written, UTC"
        ),
        sa.Column(
            "enriched_run",
            sa.Text(),
            nullable=True,
            comment="the run that split it into mentions; null while waiting",
        ),
        sa.PrimaryKeyConstraint("feedback_id"),
        comment="one item as a customer gave it: a review, a comment, one answer to one open question",
    )
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.create_index("ix_feedback_customer", ["customer_id"], unique=False)
        batch_op.create_index("ix_feedback_occurred_at", ["occurred_at"], unique=False)
        batch_op.create_index("ix_feedback_text_hash", ["text_hash"], unique=False)

    op.create_table(
        "feedback_key",
        sa.Column("feedback_id", sa.Text(), nullable=False, comment="the feedback"),
        sa.Column(
            "key_type", sa.Text(), nullable=False, comment="customer_id, email, phone or handle"
        ),
        sa.Column("key_hash", sa.Text(), nullable=False, comment="keyed hash (HMAC-SHA-256)"),
        sa.PrimaryKeyConstraint("feedback_id", "key_type", "key_hash"),
        comment="the keys by which a feedback can be linked to a customer, as keyed hashes",
    )
    with op.batch_alter_table("feedback_key", schema=None) as batch_op:
        batch_op.create_index("ix_feedback_key", ["key_type", "key_hash"], unique=False)

    op.create_table(
        "input_file",
        sa.Column("file_hash", sa.Text(), nullable=False, comment="SHA-256 of the file's bytes"),
        sa.Column(
            "settings_hash",
            sa.Text(),
            nullable=False,
            comment="hash of everything that decides how it is read",
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="feedback, customers or events"),
        sa.Column("source", sa.Text(), nullable=True, comment="the source it was read as"),
        sa.Column(
            "file",
            sa.Text(),
            nullable=True,
            comment="its name, relative to the path that was given",
        ),
        sa.Column(
            "n_read",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="rows read",
        ),
        sa.Column(
            "n_rejected",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="rows that could not be used",
        ),
        sa.Column("run_id", sa.Text(), nullable=True, comment="the run that read it"),
        sa.PrimaryKeyConstraint("file_hash", "settings_hash"),
        comment="files that have been read whole: not read again while nothing about them changes",
    )
    op.create_table(
        "language_centre",
        sa.Column("lang", sa.Text(), nullable=False, comment="ISO 639-1 code"),
        sa.Column("model", sa.Text(), nullable=False, comment="name and revision of the encoder"),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="float32, little endian"),
        sa.PrimaryKeyConstraint("lang", "model"),
        comment="what is subtracted from the vectors of a language before themes are compared",
    )
    op.create_table(
        "mention",
        sa.Column("mention_id", sa.Text(), nullable=False, comment="feedback_id and position"),
        sa.Column("feedback_id", sa.Text(), nullable=False, comment="the feedback it is a part of"),
        sa.Column(
            "position",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="0 for the first mention of the feedback",
        ),
        sa.Column(
            "char_start",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="offset of its first character in feedback.text",
        ),
        sa.Column(
            "char_end",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="offset after its last character in feedback.text",
        ),
        sa.Column("text", sa.Text(), nullable=False, comment="verbatim part of feedback.text"),
        sa.Column("text_hash", sa.Text(), nullable=False, comment="hash of the normalised text"),
        sa.Column("lang", sa.Text(), nullable=True, comment="language of this mention"),
        sa.Column("sentiment", sa.Text(), nullable=True, comment="negative, neutral or positive"),
        sa.Column(
            "sentiment_score",
            sa.Double(),
            nullable=True,
            comment="-1..1: probability of positive less that of negative",
        ),
        sa.Column(
            "confidence",
            sa.Double(),
            nullable=True,
            comment="0..1: probability of the stated sentiment",
        ),
        sa.Column(
            "target",
            sa.Text(),
            nullable=True,
            comment="what the feeling is about, in its own words, when known",
        ),
        sa.Column(
            "theme_id",
            sa.Text(),
            nullable=True,
            comment="the theme it belongs to; null when unassigned",
        ),
        sa.Column(
            "theme_strength",
            sa.Double(),
            nullable=True,
            comment="0..1: how well it fits its (nearest) theme",
        ),
        sa.Column(
            "nearest_theme_id",
            sa.Text(),
            nullable=True,
            comment="the closest theme, as found; also when it is not assigned to it",
        ),
        sa.Column(
            "unassigned_reason",
            sa.Text(),
            nullable=True,
            comment="far_from_all, between_themes, too_short, no_content, noise, ...",
        ),
        sa.Column(
            "found_reason",
            sa.Text(),
            nullable=True,
            comment="unassigned_reason as found, before people's edits",
        ),
        sa.Column(
            "drawn_to",
            sa.Text(),
            nullable=True,
            comment="the theme that people's pins and splits draw it to; null when none does",
        ),
        sa.Column("drawn_by", sa.Text(), nullable=True, comment="the edit that draws it"),
        sa.Column(
            "found_run",
            sa.Text(),
            nullable=True,
            comment="the run that found its theme or the reason; null while undecided",
        ),
        sa.Column(
            "edit_id",
            sa.Text(),
            nullable=True,
            comment="the edit that decided its theme; null where none did",
        ),
        sa.Column("run_id", sa.Text(), nullable=True, comment="the run that made it"),
        sa.PrimaryKeyConstraint("mention_id"),
        comment="a sentence-sized part of a feedback that says one thing",
    )
    with op.batch_alter_table("mention", schema=None) as batch_op:
        batch_op.create_index("ix_mention_feedback", ["feedback_id"], unique=False)
        batch_op.create_index("ix_mention_text_hash", ["text_hash"], unique=False)
        batch_op.create_index("ix_mention_theme", ["theme_id"], unique=False)

    op.create_table(
        "rejected",
        sa.Column(
            "rejected_id",
            sa.Text(),
            nullable=False,
            comment="derived from source, file and content",
        ),
        sa.Column("source", sa.Text(), nullable=True, comment="where it came from"),
        sa.Column(
            "file",
            sa.Text(),
            nullable=True,
            comment="the file, relative to the path that was given",
        ),
        sa.Column(
            "row_number",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="the row in that file, as a person counts it",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="why it could not be used"),
        sa.Column(
            "raw",
            sa.Text(),
            nullable=True,
            comment="the row, personal data masked, cut at 10,000 characters",
        ),
        sa.Column("run_id", sa.Text(), nullable=True, comment="the run that first rejected it"),
        sa.PrimaryKeyConstraint("rejected_id"),
        comment="rows that could not be used, each with its reason; nothing is lost",
    )
    op.create_table(
        "run",
        sa.Column("run_id", sa.Text(), nullable=False, comment="time-ordered id of the execution"),
        sa.Column(
            "command",
            sa.Text(),
            nullable=False,
            comment="the command that ran: run, ingest, customers, ...",
        ),
        sa.Column("engine", sa.Text(), nullable=True, comment="local or ray"),
        sa.Column("started_at", tables.UtcDateTime(), nullable=False, comment="start, UTC"),
        sa.Column(
            "finished_at",
            tables.UtcDateTime(),
            nullable=True,
            comment="end, UTC; null while it runs or when it was killed",
        ),
        sa.Column(
            "status", sa.Text(), nullable=False, comment="running, done, failed or interrupted"
        ),
        sa.Column(
            "config_hash",
            sa.Text(),
            nullable=True,
            comment="hash of the configuration that was in force",
        ),
        sa.Column("code_version", sa.Text(), nullable=True, comment="version of earful"),
        sa.Column(
            "encoder", sa.Text(), nullable=True, comment="name and revision of the embedding model"
        ),
        sa.Column(
            "sentiment_model",
            sa.Text(),
            nullable=True,
            comment="name and revision of the sentiment model",
        ),
        sa.Column(
            "n_read",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="feedback read: each is new, known, updated or rejected",
        ),
        sa.Column(
            "n_new",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="feedback that was not in the store before",
        ),
        sa.Column(
            "n_known",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="feedback that the store held already, unchanged",
        ),
        sa.Column(
            "n_updated",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="feedback that replaced an older version of itself",
        ),
        sa.Column(
            "n_rejected",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="rows of feedback that could not be used; they are in rejected",
        ),
        sa.Column(
            "n_noise",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="feedback of this run marked as noise",
        ),
        sa.Column(
            "n_mentions",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="mentions made by this run",
        ),
        sa.Column(
            "n_themes",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="themes in the store after this run, without merged and retired ones",
        ),
        sa.Column(
            "n_customers",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="customer records read",
        ),
        sa.Column(
            "n_events",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="events read",
        ),
        sa.Column(
            "n_records_rejected",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="customer records and events that could not be used",
        ),
        sa.Column("seconds", sa.Double(), nullable=True, comment="duration in seconds"),
        sa.Column(
            "error", sa.Text(), nullable=True, comment="why it failed, without any customer text"
        ),
        sa.PrimaryKeyConstraint("run_id"),
        comment="one execution, with its inputs, versions, counts and outcome",
    )
    op.create_table(
        "store_info",
        sa.Column("name", sa.Text(), nullable=False, comment="store_id, secret_fingerprint, ..."),
        sa.Column("value", sa.Text(), nullable=False, comment="its value"),
        sa.PrimaryKeyConstraint("name"),
        comment="facts about this store",
    )
    op.create_table(
        "text_sentiment",
        sa.Column("text_hash", sa.Text(), nullable=False, comment="hash of the normalised text"),
        sa.Column("model", sa.Text(), nullable=False, comment="encoder and sentiment model"),
        sa.Column("sentiment", sa.Text(), nullable=False, comment="negative, neutral or positive"),
        sa.Column("sentiment_score", sa.Double(), nullable=True, comment="-1..1"),
        sa.Column("confidence", sa.Double(), nullable=True, comment="0..1"),
        sa.PrimaryKeyConstraint("text_hash", "model"),
        comment="one sentiment for each distinct text and model",
    )
    op.create_table(
        "theme",
        sa.Column(
            "theme_id", sa.Text(), nullable=False, comment="permanent: never reused, survives runs"
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="short, in the theme's main language"),
        sa.Column(
            "description", sa.Text(), nullable=True, comment="one sentence on what it is about"
        ),
        sa.Column(
            "found_name",
            sa.Text(),
            nullable=True,
            comment="its name as found, before people's edits",
        ),
        sa.Column(
            "found_description",
            sa.Text(),
            nullable=True,
            comment="its description as found, before people's edits",
        ),
        sa.Column(
            "names",
            tables.Json,
            nullable=True,
            comment="names that people gave it for a language, by language",
        ),
        sa.Column(
            "descriptions",
            tables.Json,
            nullable=True,
            comment="descriptions that people gave it for a language, by language",
        ),
        sa.Column(
            "keywords", tables.Json, nullable=True, comment="list of telling words and phrases"
        ),
        sa.Column(
            "parent_id", sa.Text(), nullable=True, comment="the group of themes it belongs to"
        ),
        sa.Column(
            "merged_into",
            sa.Text(),
            nullable=True,
            comment="the theme that holds its mentions now; null unless merged",
        ),
        sa.Column("merge_id", sa.Text(), nullable=True, comment="the edit that merged it"),
        sa.Column(
            "made_by",
            sa.Text(),
            nullable=True,
            comment="the edit that pinned or split it off; null where it was found",
        ),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="active, muted, merged or retired (its edit was undone)",
        ),
        sa.Column("origin", sa.Text(), nullable=False, comment="discovered or pinned"),
        sa.Column("lang", sa.Text(), nullable=True, comment="its main language"),
        sa.Column(
            "n_mentions",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="mentions that count (no noise)",
        ),
        sa.Column(
            "n_customers",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="distinct voices: customers, else authors, else feedback",
        ),
        sa.Column(
            "sentiment",
            sa.Double(),
            nullable=True,
            comment="mean sentiment score of its mentions, -1..1",
        ),
        sa.Column(
            "verdict",
            sa.Text(),
            nullable=True,
            comment="one_off, emerging, growing, steady or fading",
        ),
        sa.Column(
            "signal_score", sa.Double(), nullable=True, comment="what deserves attention first"
        ),
        sa.Column(
            "first_seen_at", tables.UtcDateTime(), nullable=True, comment="earliest mention, UTC"
        ),
        sa.Column(
            "last_seen_at", tables.UtcDateTime(), nullable=True, comment="latest mention, UTC"
        ),
        sa.Column("created_run", sa.Text(), nullable=True, comment="the run in which it was born"),
        sa.Column(
            "updated_run", sa.Text(), nullable=True, comment="the run that last changed this row"
        ),
        sa.PrimaryKeyConstraint("theme_id"),
        comment="what many mentions are about; survives runs, may be edited by people",
    )
    op.create_table(
        "theme_edit",
        sa.Column("edit_id", sa.Text(), nullable=False, comment="e and its number in the log"),
        sa.Column("at", tables.UtcDateTime(), nullable=False, comment="when, UTC"),
        sa.Column("author", sa.Text(), nullable=True, comment="who"),
        sa.Column(
            "action",
            sa.Text(),
            nullable=False,
            comment="rename, describe, merge, move, mute, unmute, group, pin, split, refuse, undo",
        ),
        sa.Column(
            "theme_id",
            sa.Text(),
            nullable=True,
            comment="the theme that was edited; of a move, where the mentions went",
        ),
        sa.Column(
            "payload",
            tables.Json,
            nullable=True,
            comment="what was decided; of a pin also examples in customers' words, masked",
        ),
        sa.PrimaryKeyConstraint("edit_id"),
        comment="people's decisions about themes; append only",
    )
    op.create_table(
        "theme_event",
        sa.Column("event_id", sa.Text(), nullable=False, comment="theme and sequence number"),
        sa.Column("theme_id", sa.Text(), nullable=False, comment="the theme"),
        sa.Column("run_id", sa.Text(), nullable=True, comment="the run in which it happened"),
        sa.Column(
            "event",
            sa.Text(),
            nullable=False,
            comment="born, matched, split, merged, faded, revived, renamed, ...",
        ),
        sa.Column(
            "edit_id",
            sa.Text(),
            nullable=True,
            comment="the edit that it follows from; null where no person decided",
        ),
        sa.Column("detail", tables.Json, nullable=True, comment="the evidence"),
        sa.PrimaryKeyConstraint("event_id"),
        comment="the life of each theme; append only",
    )
    op.create_table(
        "theme_impact",
        sa.Column("theme_id", sa.Text(), nullable=False, comment="the theme"),
        sa.Column("outcome", sa.Text(), nullable=False, comment="rating, nps, churn, spend, ..."),
        sa.Column("method", sa.Text(), nullable=False, comment="how the effect was estimated"),
        sa.Column(
            "effect",
            sa.Double(),
            nullable=True,
            comment="change of the outcome that goes with the theme",
        ),
        sa.Column("low", sa.Double(), nullable=True, comment="lower end of its 95 % interval"),
        sa.Column("high", sa.Double(), nullable=True, comment="upper end of its 95 % interval"),
        sa.Column("p_value", sa.Double(), nullable=True, comment="if there were no effect"),
        sa.Column(
            "q_value",
            sa.Double(),
            nullable=True,
            comment="p-value corrected for the number of themes",
        ),
        sa.Column(
            "n",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="customers or feedback compared",
        ),
        sa.Column(
            "n_with_theme",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="of these, with the theme",
        ),
        sa.Column(
            "adjusted_for", tables.Json, nullable=True, comment="list of what was held equal"
        ),
        sa.PrimaryKeyConstraint("theme_id", "outcome", "method"),
        comment="what goes with a theme: association with an outcome, not proof of cause",
    )
    op.create_table(
        "theme_period",
        sa.Column("theme_id", sa.Text(), nullable=False, comment="the theme"),
        sa.Column(
            "period_start", tables.UtcDateTime(), nullable=False, comment="start of the period, UTC"
        ),
        sa.Column("period", sa.Text(), nullable=False, comment="day, week (from Monday) or month"),
        sa.Column("segment", sa.Text(), nullable=False, comment="customer segment, or all"),
        sa.Column(
            "n_mentions",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="mentions that count",
        ),
        sa.Column(
            "n_customers",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="distinct voices",
        ),
        sa.Column(
            "n_feedback",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=True,
            comment="feedback with the theme",
        ),
        sa.Column("sentiment", sa.Double(), nullable=True, comment="mean sentiment score, -1..1"),
        sa.Column(
            "expected",
            sa.Double(),
            nullable=True,
            comment="voices expected from the theme's past and the period's volume",
        ),
        sa.Column("ratio", sa.Double(), nullable=True, comment="n_customers / expected"),
        sa.Column(
            "ratio_low", sa.Double(), nullable=True, comment="lower end of its 95 % interval"
        ),
        sa.Column(
            "ratio_high", sa.Double(), nullable=True, comment="upper end of its 95 % interval"
        ),
        sa.Column(
            "p_value",
            sa.Double(),
            nullable=True,
            comment="of as many voices or more, if nothing had changed",
        ),
        sa.Column(
            "q_value",
            sa.Double(),
            nullable=True,
            comment="p-value corrected for the number of themes and periods",
        ),
        sa.Column(
            "verdict",
            sa.Text(),
            nullable=True,
            comment="one_off, emerging, growing, steady or fading",
        ),
        sa.PrimaryKeyConstraint("theme_id", "period_start", "period", "segment"),
        comment="each theme in each period: counts, expectation and verdict",
    )
    op.create_table(
        "theme_quote",
        sa.Column("theme_id", sa.Text(), nullable=False, comment="the theme"),
        sa.Column("rank", sa.Integer(), nullable=False, comment="1 is the most representative"),
        sa.Column("mention_id", sa.Text(), nullable=False, comment="where it was said"),
        sa.Column("text", sa.Text(), nullable=False, comment="verbatim, personal data masked"),
        sa.PrimaryKeyConstraint("theme_id", "rank"),
        comment="representative quotes of a theme",
    )
    op.create_table(
        "theme_suggestion",
        sa.Column(
            "suggestion_id", sa.Text(), nullable=False, comment="derived from the two themes"
        ),
        sa.Column("theme_id", sa.Text(), nullable=False, comment="a theme"),
        sa.Column("other_id", sa.Text(), nullable=False, comment="a theme that may be the same"),
        sa.Column(
            "strength",
            sa.Double(),
            nullable=True,
            comment="0..1: how much the mentions of each resemble those of the other",
        ),
        sa.Column("run_id", sa.Text(), nullable=True, comment="the run that found it"),
        sa.PrimaryKeyConstraint("suggestion_id"),
        comment="pairs of themes that a person may merge; refused ones are in theme_edit",
    )
    op.create_table(
        "vector",
        sa.Column("text_hash", sa.Text(), nullable=False, comment="hash of the normalised text"),
        sa.Column("model", sa.Text(), nullable=False, comment="name and revision of the encoder"),
        sa.Column(
            "data",
            sa.LargeBinary(),
            nullable=False,
            comment="384 float16, little endian, unit length",
        ),
        sa.PrimaryKeyConstraint("text_hash", "model"),
        comment="one embedding for each distinct text and model",
    )
