"""Every table of the store, declared once: the contract with dashboards and the data dictionary.

Column comments are the dictionary that ``earful schema`` prints and that PostgreSQL stores.
Changes reach a store only through a numbered migration in ``pipelines/migrations``.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

metadata = MetaData()
# Of a moment as SQLite stores it.
_N_CHARS = len("2026-01-01 00:00:00.000000")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC: ``timestamptz`` on PostgreSQL, ``YYYY-MM-DD HH:MM:SS.ffffff`` on SQLite.

    Only aware datetimes are accepted, so that no local time is ever stored by mistake.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use a time zone where the database has one."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """What makes of an aware datetime what the database stores."""
        return _write_moment if dialect.name == "sqlite" else _check_moment

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """What makes an aware datetime in UTC of what the database gives."""
        return _read_moment if dialect.name == "sqlite" else _to_utc


def _check_moment(value: datetime | None) -> datetime | None:
    """The same moment in UTC.

    :raises ValueError: when the datetime has no time zone.
    """
    if value is not None and value.tzinfo is None:
        raise ValueError(f"a datetime without a time zone cannot be stored: {value!r}")
    return _to_utc(value)


def _to_utc(value: datetime | None) -> datetime | None:
    return value if value is None or value.tzinfo is UTC else value.astimezone(UTC)


# Half of what SQLAlchemy's own takes: a run goes through millions.
def _write_moment(value: datetime | None) -> str | None:
    moment = _check_moment(value)
    return None if moment is None else moment.isoformat(" ", "microseconds")[:_N_CHARS]


def _read_moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "+00:00")


Json = JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True),
    "postgresql",
)
# SQLite stores any integer in 64 bits; PostgreSQL needs to be told.
Count = Integer().with_variant(BigInteger(), "postgresql")


def _text(name: str, comment: str, **options: Any) -> Column[str]:
    return Column(name, Text, comment=comment, **options)


def _key(name: str, comment: str) -> Column[str]:
    return Column(name, Text, primary_key=True, comment=comment)


def _count(name: str, comment: str) -> Column[int]:
    return Column(name, Count, comment=comment)


def _number(name: str, comment: str) -> Column[float]:
    return Column(name, Double, comment=comment)


def _moment(name: str, comment: str, **options: Any) -> Column[datetime]:
    return Column(name, UtcDateTime, comment=comment, **options)


def _json(name: str, comment: str) -> Column[Any]:
    return Column(name, Json, comment=comment)


run = Table(
    "run",
    metadata,
    _key("run_id", "time-ordered id of the execution"),
    _text("command", "the command that ran: run, ingest, customers, ...", nullable=False),
    _text("engine", "local or ray"),
    _moment("started_at", "start, UTC", nullable=False),
    _moment("finished_at", "end, UTC; null while it runs or when it was killed"),
    _text("status", "running, done, failed or interrupted", nullable=False),
    _text("config_hash", "hash of the configuration that was in force"),
    _text("code_version", "version of earful"),
    _text("encoder", "name and revision of the embedding model"),
    _text("sentiment_model", "name and revision of the sentiment model"),
    _count("n_read", "feedback read: each is new, known, updated, rejected, left out or blocked"),
    _count("n_new", "feedback that was not in the store before"),
    _count("n_known", "feedback that the store held already, unchanged"),
    _count("n_updated", "feedback that replaced an older version of itself"),
    _count("n_rejected", "rows of feedback that could not be used; they are in rejected"),
    _count("n_left_out", "feedback that --since, --until or --limit left out"),
    _count("n_blocked", "feedback of erased persons, or from before a purge: not stored again"),
    _count("n_noise", "feedback of this run marked as noise"),
    _count("n_mentions", "mentions made by this run"),
    _count("n_themes", "themes in the store after this run, without merged and retired ones"),
    _count("n_customers", "customer records read"),
    _count("n_events", "events read"),
    _count("n_records_rejected", "customer records and events that could not be used"),
    _count("n_records_blocked", "customer records and events of erased persons: not stored again"),
    _count("n_consents", "rows of consent that columns of files gave"),
    _number("seconds", "duration in seconds"),
    _text("error", "why it failed, without any customer text"),
    comment="one execution, with its inputs, versions, counts and outcome",
)

run_measure = Table(
    "run_measure",
    metadata,
    _key("run_id", "the run that measured what was read since the one before"),
    _key(
        "measure",
        "language_mix, noise_rate, unassigned_rate, sentiment_mean or embedding_mean",
    ),
    _count("n", "feedback, or mentions, that it was made of"),
    _number("value", "the rate or mean; null for what is no number"),
    _json("detail", "of language_mix: feedback by language"),
    _number("usual", "the value that the runs before let expect"),
    _number("usual_low", "its 95 % interval"),
    _number("usual_high", "its 95 % interval"),
    _number("distance", "from what was expected, in standard deviations of that"),
    _count("n_history", "runs that it was held against: at least 8, or there is no verdict"),
    _number("p_value", "how likely a run is so far away by chance"),
    _number("p_adjusted", "the same, corrected for the other measures of the run (Holm)"),
    _text("verdict", "usual, drift, or unknown where there is too little history"),
    _number("variance", "what chance alone does to the mean, from its own rows"),
    Column("mean", LargeBinary, comment="of embedding_mean: float32, little endian"),
    _text("basis", "the model that it depends on; empty for none", nullable=False),
    comment="what a run brought, in five measures, each held against its own history",
)

feedback = Table(
    "feedback",
    metadata,
    _key(
        "feedback_id",
        "derived from source and id, or from the content: the same in every run",
    ),
    _text("source", "where it came from: the name of an export, survey or feed", nullable=False),
    _text("source_id", "the id that the source gave, if any"),
    _text("channel", "survey, review, social, complaint, ticket, ..."),
    _text("party", "zero, first, second or third party data"),
    _text("stated", "declared by the person, or inferred from what they did"),
    _text("question", "the open question that was answered, if any"),
    _text("text", "what was said, personal data masked", nullable=False),
    _text("lang", "ISO 639-1 code; und when it cannot be known"),
    _moment("occurred_at", "when it was said, UTC"),
    _moment("edited_at", "when this version was written, UTC; null where the source is silent"),
    _number("rating", "stars or score as given"),
    _number("rating_max", "the highest rating of that scale"),
    _text("author_key", "keyed hash of the author, to count voices without naming them"),
    _text("customer_id", "the customer who said it, when known"),
    _text(
        "link_method",
        "the key that linked it: customer_id, order, email, customer_number, phone or handle; "
        "several (shared keys that agree on one customer) or review (a person said so)",
    ),
    _number("link_confidence", "0..1"),
    _text("link_via", "crm, order or feedback: what ties that key to the customer"),
    _number("noise_score", "0..1: how likely this should not count"),
    _text(
        "noise_reason",
        "empty, test_row, low_effort, gibberish, copy, campaign, spam, bot_like, template or "
        "not_feedback; null when it counts",
    ),
    _text("found_noise_reason", "noise_reason as found, before people's edits"),
    _text("noise_edit_id", "the edit that says that it is no noise; null where none does"),
    _text("duplicate_of", "feedback_id of the first that says it, for copies and campaigns"),
    _json("attributes", "the remaining columns of the row, personal data masked"),
    _text("text_hash", "hash of the normalised text: equal for copies"),
    _text("content_hash", "hash of everything the row holds, to notice edits"),
    _text("run_id", "the run that wrote this version"),
    _moment("ingested_at", "when it was written, UTC"),
    _text("enriched_run", "the run that split it into mentions; null while waiting"),
    _text(
        "refused",
        "what it may not be used for: of analysis, profiling, quoting; forgotten where its "
        "customer was erased; null when nothing",
    ),
    Index("ix_feedback_customer", "customer_id"),
    Index("ix_feedback_text_hash", "text_hash"),
    Index("ix_feedback_occurred_at", "occurred_at"),
    Index(
        "ix_feedback_refused",
        "refused",
        sqlite_where=text("refused IS NOT NULL"),
        postgresql_where=text("refused IS NOT NULL"),
    ),
    comment="one item as a customer gave it: a review, a comment, one answer to one open question",
)

feedback_version = Table(
    "feedback_version",
    metadata,
    _key("feedback_id", "the feedback"),
    Column("content_hash", Text, primary_key=True, comment="hash of everything this version held"),
    _text("text", "what was said then, personal data masked"),
    _text("lang", "its language"),
    _moment("occurred_at", "when it was said, UTC"),
    _moment("edited_at", "when this version was written, UTC"),
    _number("rating", "stars or score then"),
    _number("rating_max", "the highest rating of that scale"),
    _json("attributes", "the remaining columns, personal data masked"),
    _text("run_id", "the run that read this version"),
    comment="what an edited feedback said before: its older versions",
)

likeness = Table(
    "likeness",
    metadata,
    Column("text_hash", Text, primary_key=True, comment="hash of a feedback's normalised text"),
    _text("group_hash", "the smallest text_hash of the texts that say nearly the same"),
    Column("sketch", LargeBinary, nullable=False, comment="folded hash and MinHash bands"),
    Index("ix_likeness_group", "group_hash"),
    comment="which texts of feedback say the same in nearly the same words",
)

feedback_key = Table(
    "feedback_key",
    metadata,
    _key("feedback_id", "the feedback"),
    Column("key_type", Text, primary_key=True, comment="customer_id, email, phone, handle ..."),
    Column("key_hash", Text, primary_key=True, comment="keyed hash (HMAC-SHA-256)"),
    Index("ix_feedback_key", "key_type", "key_hash"),
    sqlite_with_rowid=False,
    comment="the keys by which a feedback can be linked to a customer, as keyed hashes",
)

rejected = Table(
    "rejected",
    metadata,
    _key("rejected_id", "derived from source, file and content"),
    _text("source", "where it came from"),
    _text("file", "the file, relative to the path that was given"),
    _count("row_number", "the row in that file, as a person counts it"),
    _text("reason", "why it could not be used", nullable=False),
    _text("raw", "the row, personal data masked, cut at 10,000 characters"),
    _text("run_id", "the run that first rejected it"),
    comment="rows that could not be used, each with its reason; nothing is lost",
)

mention = Table(
    "mention",
    metadata,
    _key("mention_id", "feedback_id and position"),
    Column("feedback_id", Text, nullable=False, comment="the feedback it is a part of"),
    _count("position", "0 for the first mention of the feedback"),
    _count("char_start", "offset of its first character in feedback.text"),
    _count("char_end", "offset after its last character in feedback.text"),
    _text("text", "verbatim part of feedback.text", nullable=False),
    Column("text_hash", Text, nullable=False, comment="hash of the normalised text"),
    _text("lang", "language of this mention"),
    _text("sentiment", "negative, neutral or positive"),
    _number("sentiment_score", "-1..1: probability of positive less that of negative"),
    _number("confidence", "0..1: probability of the stated sentiment"),
    _text("target", "what the feeling is about, in its own words, when known"),
    Column("theme_id", Text, comment="the theme it belongs to; null when unassigned"),
    _number("theme_strength", "0..1: how well it fits its (nearest) theme"),
    _text("nearest_theme_id", "the closest theme, as found; also when it is not assigned to it"),
    _text(
        "unassigned_reason",
        "far_from_all, between_themes, too_short, no_content, noise, ...",
    ),
    _text("found_reason", "unassigned_reason as found, before people's edits"),
    _text("drawn_to", "the theme that people's pins and splits draw it to; null when none does"),
    _text("drawn_by", "the edit that draws it"),
    _text("found_run", "the run that found its theme or the reason; null while undecided"),
    _text("edit_id", "the edit that decided its theme; null where none did"),
    _text("run_id", "the run that made it"),
    Index("ix_mention_feedback", "feedback_id"),
    Index("ix_mention_theme", "theme_id"),
    Index("ix_mention_text_hash", "text_hash"),
    comment="a sentence-sized part of a feedback that says one thing",
)

vector = Table(
    "vector",
    metadata,
    Column("text_hash", Text, primary_key=True, comment="hash of the normalised text"),
    Column("model", Text, primary_key=True, comment="name and revision of the encoder"),
    Column(
        "data",
        LargeBinary,
        nullable=False,
        comment="384 float16, little endian, unit length; with a lake 9 bytes: file and row there",
    ),
    comment="one embedding for each distinct text and model",
)

lake_file = Table(
    "lake_file",
    metadata,
    Column(
        "number",
        Count,
        primary_key=True,
        autoincrement=False,
        comment="what vector.data calls it",
    ),
    _text("name", "of the Parquet file in the lake", nullable=False),
    _count("n_rows", "vectors in it"),
    _count("n_bytes", "its size"),
    _text("digest", "SHA-256 of its bytes"),
    comment="files of the lake that vectors lie in, where the configuration says so",
)

language_centre = Table(
    "language_centre",
    metadata,
    _key("lang", "ISO 639-1 code"),
    _key("model", "name and revision of the encoder"),
    Column("data", LargeBinary, nullable=False, comment="float32, little endian"),
    comment="what is subtracted from the vectors of a language before themes are compared",
)

text_sentiment = Table(
    "text_sentiment",
    metadata,
    Column("text_hash", Text, primary_key=True, comment="hash of the normalised text"),
    Column("model", Text, primary_key=True, comment="encoder and sentiment model"),
    Column("lang", Text, primary_key=True, comment="language by which it is calibrated"),
    _text("sentiment", "negative, neutral or positive", nullable=False),
    _number("sentiment_score", "-1..1"),
    _number("confidence", "0..1"),
    sqlite_with_rowid=False,
    comment="one sentiment for each distinct text, language and model",
)

theme = Table(
    "theme",
    metadata,
    _key("theme_id", "permanent: never reused, survives runs"),
    _text("name", "short, in the theme's main language", nullable=False),
    _text("description", "one sentence on what it is about"),
    _text("found_name", "its name as found, before people's edits"),
    _text("found_description", "its description as found, before people's edits"),
    _json("names", "names that people gave it for a language, by language"),
    _json("descriptions", "descriptions that people gave it for a language, by language"),
    _json("keywords", "list of telling words and phrases"),
    _text("parent_id", "the theme that leads its group; null where it leads one or is alone"),
    _text("group_name", "what its group is called, from what the group's themes share; null alone"),
    _text("found_group_id", "the theme that leads its group as found; itself where it leads"),
    _text("merged_into", "the theme that holds its mentions now; null unless merged"),
    _text("merge_id", "the edit that merged it"),
    _text("made_by", "the edit that pinned or split it off; null where it was found"),
    _text("status", "active, muted, merged or retired", nullable=False),
    _text("found_status", "active, faded (silent of late) or retired, before people's edits"),
    _count("n_quiet_runs", "runs with new feedback since the theme last got its usual share"),
    _number("n_missed", "texts that it would have got in these runs"),
    _text("origin", "discovered or pinned", nullable=False),
    _text("lang", "its main language"),
    _count("n_mentions", "mentions that count (no noise)"),
    _count("n_customers", "distinct voices: customers, else authors, else feedback"),
    _number(
        "sentiment", "mean sentiment score of its voices, each one of its mentions' mean, -1..1"
    ),
    _text("verdict", "one_off, emerging, growing, steady or fading"),
    _number("signal_score", "what deserves attention first"),
    _moment("first_seen_at", "earliest mention, UTC"),
    _moment("last_seen_at", "latest mention, UTC"),
    _text("created_run", "the run in which it was born"),
    _text("updated_run", "the run that last changed this row"),
    comment="what many mentions are about; survives runs, may be edited by people",
)

theme_quote = Table(
    "theme_quote",
    metadata,
    _key("theme_id", "the theme"),
    Column("rank", Integer, primary_key=True, comment="1 is the most representative"),
    _text("mention_id", "where it was said", nullable=False),
    _text("text", "verbatim, personal data masked", nullable=False),
    comment="representative quotes of a theme",
)

theme_centre = Table(
    "theme_centre",
    metadata,
    _key("theme_id", "the theme"),
    _key("voice", "language code, with the channel where it is known"),
    _key("model", "name and revision of the encoder"),
    _count("n_texts", "distinct texts that it is the mean of"),
    Column("data", LargeBinary, nullable=False, comment="float32, little endian"),
    comment="what a theme was like when themes were last fitted, to know it again without members",
)

theme_edit = Table(
    "theme_edit",
    metadata,
    _key("edit_id", "e and its number in the log"),
    _moment("at", "when, UTC", nullable=False),
    _text("author", "who"),
    _text(
        "action",
        "rename, describe, merge, move, mute, unmute, group, pin, split, refuse, not_noise, fixed, "
        "undo",
        nullable=False,
    ),
    _text("theme_id", "the theme that was edited; of a move, where the mentions went"),
    _json(
        "payload",
        "what was decided; also ids and text hashes of mentions (move, split) and examples in "
        "customers' words, masked (pin)",
    ),
    comment="people's decisions about themes; append only",
)

theme_suggestion = Table(
    "theme_suggestion",
    metadata,
    _key("suggestion_id", "derived from the two themes"),
    Column("theme_id", Text, nullable=False, comment="a theme"),
    Column("other_id", Text, nullable=False, comment="a theme that may be the same"),
    _number("strength", "0..1: how much the mentions of each resemble those of the other"),
    _text("run_id", "the run that found it"),
    comment="pairs of themes that a person may merge; refused ones are in theme_edit",
)

theme_event = Table(
    "theme_event",
    metadata,
    _key("event_id", "theme and sequence number"),
    _text("theme_id", "the theme", nullable=False),
    _text("run_id", "the run in which it happened"),
    _text("event", "born, matched, split, merged, faded, revived, renamed, ...", nullable=False),
    _text("edit_id", "the edit that it follows from; null where no person decided"),
    _json("detail", "the evidence"),
    comment="the life of each theme; append only",
)

theme_period = Table(
    "theme_period",
    metadata,
    _key("theme_id", "the theme"),
    Column("period_start", UtcDateTime, primary_key=True, comment="start of the period, UTC"),
    Column("period", Text, primary_key=True, comment="day, week (from Monday) or month"),
    Column("segment", Text, primary_key=True, comment="customer segment, or all"),
    _count("n_mentions", "mentions that count"),
    _count("n_customers", "distinct voices"),
    _count("n_feedback", "feedback with the theme"),
    _number("sentiment", "mean sentiment score of its voices, -1..1"),
    _count("n_fresh", "of a day: those who had not spoken of it in the four weeks before"),
    _count("n_exposed", "distinct voices of all feedback that counts, whatever its theme"),
    _number(
        "expected",
        "of a week: voices expected from the theme's past and the volume of the week so far",
    ),
    _number("expected_low", "lower end of what is usual: 95 % prediction interval of n_customers"),
    _number("expected_high", "upper end of it"),
    _number("ratio", "n_customers / expected"),
    _number("ratio_low", "lower end of its 95 % interval"),
    _number("ratio_high", "upper end of its 95 % interval"),
    _number(
        "p_value",
        "of as large a rise or fall of the days up to the end of the week, if nothing had changed",
    ),
    _number("q_value", "p-value corrected over all themes, or all themes and segments, of a week"),
    _text("verdict", "one_off, emerging, growing, steady or fading, as known when the week ended"),
    _number("sentiment_expected", "sentiment expected from the theme's past, -1..1"),
    _number("sentiment_low", "lower end of the 95 % interval of sentiment - sentiment_expected"),
    _number("sentiment_high", "upper end of it"),
    _number("sentiment_q", "of a shift as large, corrected like q_value"),
    _text("sentiment_verdict", "worse, steady or better"),
    sqlite_with_rowid=False,
    comment="each theme in each period: counts, expectation and verdict",
)

theme_impact = Table(
    "theme_impact",
    metadata,
    _key("theme_id", "the theme"),
    Column(
        "outcome",
        Text,
        primary_key=True,
        comment="as in feedback_outcome: rating, nps_group, churn_DAYS or "
        "spend_change_DAYS_CURRENCY",
    ),
    Column(
        "method",
        Text,
        primary_key=True,
        comment="linear, logistic, cox (not all days are over yet) or none (nothing to compare)",
    ),
    _number(
        "effect", "what the outcome is more with the theme, all else equal; not proof of cause"
    ),
    _number("low", "lower end of its 95 % interval"),
    _number("high", "upper end of its 95 % interval"),
    _number("p_value", "if there were no effect"),
    _number("q_value", "p-value corrected for the number of themes"),
    _count("n", "voices compared: customers, of ratings also authors and feedback of nobody"),
    _count("n_with_theme", "of these, with the theme"),
    _json("adjusted_for", "list of what was held equal"),
    _text("unit", "of the effect: points (of feedback_outcome.value), share or a currency"),
    _number(
        "plain_effect", "the plain difference: with the theme less without, nothing held equal"
    ),
    _count("n_events", "of an outcome that happens or not: voices compared that it happened to"),
    _number(
        "at_stake",
        "effect x customers with the theme x what they spent in the year before; of spend less "
        "effect x customers; above 0 is lost",
    ),
    _number("at_stake_low", "lower end of its 95 % interval"),
    _number("at_stake_high", "upper end of its 95 % interval"),
    _text("currency", "of at_stake: that of most customers; null where it counts customers"),
    _text("note", "code of why nothing can be said; null where an effect is given"),
    _json("note_values", "the numbers and themes that the note names"),
    comment="what goes with a theme: association with an outcome, not proof of cause",
)

theme_stake = Table(
    "theme_stake",
    metadata,
    _key("theme_id", "the theme"),
    Column("outcome", Text, primary_key=True, comment="as in theme_impact"),
    Column(
        "currency", Text, primary_key=True, comment="never added up; empty where customers count"
    ),
    _count("n_customers", "who voiced it, and spend most in this currency; none of fewer than 5"),
    _number("worth", "what they spent in the year before; null where nothing is multiplied by it"),
    _number("at_stake", "effect x worth, or x customers; above 0 is lost"),
    _number("low", "lower end of its 95 % interval"),
    _number("high", "upper end of its 95 % interval"),
    comment="what is at stake with a theme, in every currency",
)

theme_fix = Table(
    "theme_fix",
    metadata,
    _key("edit_id", "the edit that says when it was fixed"),
    Column(
        "outcome",
        Text,
        primary_key=True,
        comment="voices (their share of all), sentiment, or as in theme_impact",
    ),
    _text("theme_id", "the theme that was fixed", nullable=False),
    _moment("fixed_at", "since when, UTC", nullable=False),
    _text("method", "difference_in_differences"),
    _number("effect", "change since, beyond the change of similar themes; not proof of cause"),
    _number("low", "lower end of its 95 % interval"),
    _number("high", "upper end of its 95 % interval"),
    _number("p_value", "if there were no effect"),
    _text("unit", "of the effect: relative (-0.4: 40 % fewer), points, share or a currency"),
    _count("n_before", "voices in the weeks before that are compared, each once a week"),
    _count("n_after", "voices in the weeks after, each once a week"),
    _json("compared_with", "ids of the similar themes"),
    _text("note", "code of why nothing can be said; null where an effect is given"),
    _json("note_values", "the numbers and themes that the note names"),
    comment="what changed after people fixed a theme: difference in differences",
)

theme_signal = Table(
    "theme_signal",
    metadata,
    _key("theme_id", "the theme"),
    Column(
        "part",
        Text,
        primary_key=True,
        comment="reach, growth, feeling, value, breadth or confidence",
    ),
    _number(
        "value", "what was measured, at the cautious end of its 95 % interval; null if not known"
    ),
    _text(
        "unit",
        "of the value: share_of_voices, times_expected, sentiment, share_at_stake, likeness, fit",
    ),
    _number("score", "the value as 0..1; null where the part is not known"),
    _number("weight", "of the part; those of the known parts add up to 1, others have 0"),
    _number("points", "100 x score x weight; their sum is theme.signal_score"),
    _text(
        "note",
        "silent (no voice now), or why it is not known: not_judged, no_effect_known, one_source, "
        "no_sentiment",
    ),
    comment="why a theme deserves attention: the parts of its signal score",
)

priority = Table(
    "priority",
    metadata,
    _key("segment", "customer segment, or all"),
    Column("rank", Integer, primary_key=True, comment="1 is what to do first in this segment"),
    _text("theme_id", "the theme to fix", nullable=False),
    _text("outcome", "what would gain: an outcome of theme_impact, or sentiment"),
    _text("method", "how the effect was estimated, as in theme_impact; or gap"),
    _number("gain", "effect x reach x value"),
    _number("gain_low", "lower end of its 95 % interval; above 0 where a gain is sure"),
    _number("gain_high", "upper end of its 95 % interval"),
    _number("q_value", "of a gain as large if there were none, corrected for the themes"),
    _text("unit", "of the gain: a currency, customers, or points x voices"),
    _count("n_customers", "voices reached"),
    _text(
        "reason",
        "adjusted_effect (of theme_impact), or feeling_gap: no effect is known, so what its voices "
        "feel less than those of all other themes, adjusted for nothing",
    ),
    comment="what to fix first, for all and for each segment, and what it should bring",
)

comparison = Table(
    "comparison",
    metadata,
    _key("dimension", "the column that is compared: brand, product, competitor, ..."),
    Column("value", Text, primary_key=True, comment="one of its values"),
    Column("theme_id", Text, primary_key=True, comment="the theme; empty for all feedback"),
    _count("n_voices", "distinct voices on this value"),
    _count("n_with_theme", "of these, with the theme"),
    _number("share", "n_with_theme / n_voices"),
    _number("share_low", "lower end of its 95 % interval"),
    _number("share_high", "upper end of its 95 % interval"),
    _number("share_q", "of a difference as large from the other values, corrected over all"),
    _number("sentiment", "mean sentiment of the voices with the theme, -1..1"),
    _number("sentiment_low", "lower end of its 95 % interval"),
    _number("sentiment_high", "upper end of its 95 % interval"),
    _number("sentiment_q", "of a difference as large from the other values, corrected over all"),
    comment="brands, products or competitors side by side",
)

coverage = Table(
    "coverage",
    metadata,
    _key("dimension", "all, segment, lang, country or channel"),
    Column("value", Text, primary_key=True, comment="one of its values; all for the first"),
    _count("n_customers", "records of the CRM with this value; of a channel all records"),
    _count("n_heard", "of these, with feedback that counts (of a channel: on it)"),
    _count(
        "n_voices",
        "distinct voices of such feedback, customers or not; null where only the CRM knows",
    ),
    _number("share", "n_heard / n_customers"),
    _number("share_low", "lower end of its 95 % interval"),
    _number("share_high", "upper end of its 95 % interval"),
    _number("representation", "share / share of all: .5 is heard half as much as all customers"),
    _number("representation_low", "lower end of its 95 % interval"),
    _number("representation_high", "upper end of its 95 % interval"),
    _number(
        "weight",
        "factor of a voice with this value; its weight is the product over the dimensions, "
        "trimmed; null where not asked for",
    ),
    _number("n_effective", "of all: Kish's effective number of voices, where they are weighted"),
    _text(
        "note",
        "why conclusions rest on a sliver: no_customers, sliver, under_heard or over_heard; null "
        "where they do not",
    ),
    comment="who is heard, and who is not",
)

theme_share = Table(
    "theme_share",
    metadata,
    _key("theme_id", "the theme"),
    _count("n_heard", "customers with feedback that counts"),
    _count("n_with_theme", "of these, with the theme"),
    _number("share", "n_with_theme / n_heard"),
    _number("share_low", "lower end of its 95 % interval"),
    _number("share_high", "upper end of its 95 % interval"),
    _number("weighted_share", "the same with the weights of coverage"),
    _number("weighted_share_low", "lower end of its 95 % interval, of n_effective voices"),
    _number("weighted_share_high", "upper end of its 95 % interval"),
    comment="who speaks of a theme, if all customers were heard alike; only with [coverage] "
    "weight_by",
)

wording = Table(
    "wording",
    metadata,
    _key("wording_id", "hash of the prompt and the model: the same question is asked once"),
    _text("kind", "theme, segment or store: what is told", nullable=False),
    _text("subject", "id of the theme, name of the segment; empty for the store", nullable=False),
    _text("lang", "language of the reader", nullable=False),
    _text("model", "the language model that was asked", nullable=False),
    _text(
        "answer",
        "what it answered, unchecked: stories take what their facts bear out",
        nullable=False,
    ),
    _json("sources", "list of ids of the feedback and themes whose words it was given"),
    _moment("at", "when, UTC", nullable=False),
    comment="answers of a language model that words stories; none unless one is configured",
)

customer = Table(
    "customer",
    metadata,
    _key("customer_id", "the id of the CRM"),
    _text("segment", "as the CRM says"),
    _text("country", "as the CRM says"),
    _text("lang", "preferred language"),
    _json("attributes", "the remaining CRM columns, contact data left out"),
    _moment("valid_from", "since when there is a record of them, UTC"),
    _moment("edited_at", "when this version was written, UTC; null where the source is silent"),
    _text("source", "the source whose file said so"),
    _text("run_id", "the run that wrote this version"),
    _text("merged_into", "the record that stands for this person; null where it is this one"),
    _text("content_hash", "hash of everything the row holds, to notice edits"),
    _text("refused", "what this customer refuses: of analysis, profiling; null when nothing"),
    comment="a record of the CRM",
)

customer_version = Table(
    "customer_version",
    metadata,
    _key("customer_id", "the customer"),
    Column("content_hash", Text, primary_key=True, comment="hash of everything this version held"),
    _text("segment", "as the CRM said then"),
    _text("country", "as the CRM said then"),
    _text("lang", "preferred language then"),
    _json("attributes", "the remaining CRM columns then, contact data left out"),
    _moment("valid_from", "since when there is a record of them, UTC"),
    _moment("edited_at", "when this version was written, UTC"),
    _text("source", "the source whose file said so"),
    _text("run_id", "the run that read this version"),
    comment="what the CRM said of a customer before: older versions of the record",
)

customer_key = Table(
    "customer_key",
    metadata,
    Column("key_type", Text, primary_key=True, comment="customer_id, email, phone, handle ..."),
    Column("key_hash", Text, primary_key=True, comment="keyed hash (HMAC-SHA-256)"),
    _key("customer_id", "the customer with this key"),
    _text("source", "the file that said so"),
    Index("ix_customer_key_customer", "customer_id"),
    sqlite_with_rowid=False,
    comment="the keys by which a customer can be recognised, as keyed hashes",
)

shared_key = Table(
    "shared_key",
    metadata,
    Column("key_type", Text, primary_key=True, comment="email, phone, handle ..."),
    Column("key_hash", Text, primary_key=True, comment="keyed hash (HMAC-SHA-256)"),
    _count("n_customers", "customers that it names, in the CRM or beside surer keys"),
    _count("n_feedback", "feedback that has it"),
    _text("reason", "several: people of a household, say; many: above linking.max_key_customers"),
    comment="keys of feedback that link nobody, since several customers share them",
)

link_review = Table(
    "link_review",
    metadata,
    _key("review_id", "derived from the feedback and the customer"),
    Column("feedback_id", Text, nullable=False, comment="a feedback that no key links"),
    Column("customer_id", Text, nullable=False, comment="who may have said it"),
    _number("probability", "0..1: how likely it is this customer"),
    _text("method", "shared_key, or splink for a probabilistic match"),
    _json("evidence", "list of what the two have in common: kinds of keys and traits"),
    _text("run_id", "the run that found it"),
    Index("ix_link_review_feedback", "feedback_id"),
    comment="links that a person may accept; answers are in link_answer",
)

link_answer = Table(
    "link_answer",
    metadata,
    _key("answer_id", "time-ordered id"),
    Column("feedback_id", Text, nullable=False, comment="the feedback"),
    Column("customer_id", Text, nullable=False, comment="the customer"),
    _text("answer", "accepted or refused; the latest counts", nullable=False),
    _text("author", "who"),
    _moment("at", "when, UTC", nullable=False),
    comment="people's answers to link_review; append only",
)

event = Table(
    "event",
    metadata,
    _key("event_id", "derived from source and id (or the content), the same in every run"),
    Column("customer_id", Text, comment="whose event it is; null until a customer is known"),
    _text("named_customer", "the customer's own id, as the event names it"),
    _moment("at", "when, UTC"),
    _text("kind", "order, refund, churn, renewal, ticket, ...", nullable=False),
    _number("amount", "in its currency; amounts of several currencies are never added"),
    _text("currency", "ISO 4217 code; null where the source names none"),
    _json("attributes", "the remaining columns"),
    _text("content_hash", "hash of everything the row holds, to notice edits"),
    Index("ix_event_customer", "customer_id", "at"),
    comment="operational data (O-data) of a customer",
)

event_key = Table(
    "event_key",
    metadata,
    _key("event_id", "the event"),
    Column("key_type", Text, primary_key=True, comment="customer_id, order, email, phone ..."),
    Column("key_hash", Text, primary_key=True, comment="keyed hash (HMAC-SHA-256)"),
    Index("ix_event_key", "key_type", "key_hash"),
    sqlite_with_rowid=False,
    comment="the keys by which an event is linked to a customer, as keyed hashes",
)

customer_fact = Table(
    "customer_fact",
    metadata,
    _key("customer_id", "the customer"),
    _moment("as_of", "the newest moment that the store knows of: nothing later counts, UTC"),
    _moment("first_at", "since when the customer is known, UTC"),
    _number("tenure_days", "days since then"),
    _moment("last_order_at", "the latest order, UTC"),
    _number("recency_days", "days since then"),
    _count("n_orders", "orders, ever"),
    _count("frequency", "orders in the last 365 days"),
    _count("n_open_orders", "orders not delivered; null where no event says that one was"),
    _count("n_tickets_90", "tickets in the last 90 days"),
    _json("spend", "orders less refunds by currency, ever; ? where none is named"),
    _json("spend_year", "the same of the last 365 days"),
    _json("balance", "the latest balance by currency"),
    _moment("churned_at", "when they left, unless they came back, UTC"),
    _text("run_id", "the run that last changed this row"),
    comment="what events say of a customer: recency, frequency, spend, tenure",
)

feedback_outcome = Table(
    "feedback_outcome",
    metadata,
    _key("feedback_id", "the feedback"),
    Column(
        "outcome",
        Text,
        primary_key=True,
        comment="rating, nps_group, churn_DAYS or spend_change_DAYS_CURRENCY",
    ),
    _text("customer_id", "who gave it"),
    _number(
        "value", "rating 0..1; nps_group -1, 0, 1; churn 0, 1; change of spend in its currency"
    ),
    Index("ix_feedback_outcome", "outcome"),
    sqlite_with_rowid=False,
    comment="what followed a feedback, once enough time has passed to know",
)

customer_insight = Table(
    "customer_insight",
    metadata,
    _key("customer_id", "the customer"),
    _count("n_feedback", "feedback that counts (no noise)"),
    _moment("last_feedback_at", "the latest, UTC"),
    _number(
        "sentiment",
        "mean score, shrunk toward the mean of all by a weight of 1 to 50 mentions, -1..1",
    ),
    _number("sentiment_trend", "latest half less earlier half; null under four mentions"),
    _number("rating_mean", "mean rating on a scale of 0..1"),
    _text("top_theme_id", "the theme most spoken of"),
    _text("open_theme_id", "the latest complaint with nothing better said since"),
    _number("risk", "0..1: how likely the customer leaves, with risk_reasons"),
    _text("next_action", "what to do next, with the rule that chose it"),
    _json("evidence", "list of mention ids behind this row"),
    _count("n_mentions", "mentions that count"),
    _text("last_feedback_id", "the latest feedback"),
    _number("last_sentiment", "mean sentiment score of the latest feedback, -1..1"),
    _number("last_rating", "rating of the latest feedback on a scale of 0..1"),
    _number("sentiment_low", "lower end of the 95 % interval of sentiment"),
    _number("sentiment_high", "upper end of the 95 % interval of sentiment"),
    _number("trend_low", "lower end of the 95 % interval of sentiment_trend"),
    _number("trend_high", "upper end of the 95 % interval of sentiment_trend"),
    _moment("open_since", "when that complaint was made, UTC"),
    _text(
        "journey_stage",
        "awareness, purchase, delivery, use, support or leaving: the latest feedback; or unknown",
    ),
    _number("journey_confidence", "0..1: probability of journey_stage"),
    _number("value", "orders less refunds of the last year, in value_currency"),
    _text("value_currency", "the currency of most of it"),
    _json("risk_reasons", "list of what makes the risk, each with its share"),
    _text("risk_method", "model (fitted to who left), points (too few outcomes known) or left"),
    _text("next_rule", "the rule of the configuration that chose next_action"),
    _json("declared", "what the customer or the CRM said: segment, country, lang, ratings"),
    _json("inferred", "what was made of their words and events: sentiment, stage, risk ..."),
    _moment("as_of", "the newest moment that the store knows of, UTC"),
    _text("run_id", "the run that last changed this row"),
    _moment("updated_at", "when it last changed, UTC"),
    comment="what is known about a customer from what they said; one row a customer",
)

customer_theme = Table(
    "customer_theme",
    metadata,
    _key("customer_id", "the customer"),
    Column("theme_id", Text, primary_key=True, comment="the theme"),
    _count("n_mentions", "mentions that count"),
    _number("sentiment", "mean sentiment score, -1..1"),
    _moment("first_at", "first mention, UTC"),
    _moment("last_at", "last mention, UTC"),
    sqlite_with_rowid=False,
    comment="which customer spoke of which theme",
)

action = Table(
    "action",
    metadata,
    _key("action_id", "time-ordered id"),
    _text("kind", "customer, theme or words: what the rule that raised it watches"),
    _text("rule", "the rule that raised it"),
    _text("customer_id", "about whom"),
    _text("theme_id", "about which theme"),
    _json(
        "payload",
        "title, reason, facts, mentions (ids), at, occasion, contacts; no words of people",
    ),
    _text("status", "pending, sent, failed or suppressed", nullable=False),
    _count("attempts", "deliveries tried"),
    Column("idempotency_key", Text, unique=True, comment="raised once, whatever happens"),
    _moment("created_at", "when it was raised, UTC"),
    _moment("sent_at", "when it was delivered, UTC"),
    _text("destination", "where it goes: a name of [[destinations]]", nullable=False),
    _text("group_key", "actions of one key to one destination are delivered as one message"),
    _moment("next_attempt_at", "not to be tried before, UTC; null for at once"),
    _text("reason", "why it is suppressed, or why the last try failed; no words of people"),
    _text("reference", "what the destination calls it: the key of a ticket, its link"),
    _text("message_id", "with which others it goes; by it the destination knows a message again"),
    _moment("attempt_at", "when the attempt began of which nobody knows yet how it ended, UTC"),
    _text("run_id", "the run that raised it"),
    Index("ix_action_status", "status"),
    comment="something to do about a customer or theme, waiting to be delivered",
)

sync_row = Table(
    "sync_row",
    metadata,
    _key("sync", "a name of [[syncs]]"),
    _key("customer_id", "the customer whose row it is"),
    _json("fields", "what the destination last took, by its names of fields"),
    _text("digest", "hash of what it last took: only rows that differ are sent"),
    _text("status", "sending, sent, failed or removed", nullable=False),
    _count("attempts", "tries of what it has not taken yet"),
    _text("error", "why it did not take the row; no words of people"),
    _text("error_fields", "the destination's fields that it is about, a comma between"),
    _moment("sent_at", "when it last took it, UTC"),
    comment="rows of customers as CRMs and warehouses have them",
)

consent = Table(
    "consent",
    metadata,
    _key("consent_id", "time-ordered id"),
    _text(
        "customer_id",
        "whose, as the CRM names them; null where known by a contact or feedback",
    ),
    _text(
        "key_type",
        "by which key they were named: customer_id, email, phone or handle; null where by none",
    ),
    _text("key_hash", "that key as a keyed hash (HMAC-SHA-256)"),
    _text("purpose", "analysis, quoting, contact or profiling", nullable=False),
    _text("channel", "for which channel; null for all"),
    _text(
        "status",
        "granted, withdrawn, or not_refused: a file takes its refusal back",
        nullable=False,
    ),
    _text("source", "who said so: as was told, or the source of the file"),
    _text(
        "via",
        "consent (recorded by earful consent), or the file with a column that says so: customers, "
        "feedback or events",
    ),
    _text("feedback_id", "the feedback in which they said so; null where it was elsewhere"),
    _moment("at", "when, UTC", nullable=False),
    _moment("expires_at", "until when, UTC"),
    Index("ix_consent_customer", "customer_id"),
    Index("ix_consent_feedback", "feedback_id"),
    Index("ix_consent_purpose", "purpose", "status"),
    Index("ix_consent_key", "key_type", "key_hash"),
    comment="what a customer allows; append only",
)

erasure = Table(
    "erasure",
    metadata,
    _key("request_id", "time-ordered id"),
    _text("key_hash", "keyed hash that blocks a re-import"),
    _moment("requested_at", "when, UTC"),
    _moment("erased_at", "when the rows were gone, UTC; files and free pages follow"),
    _moment("finished_at", "when nothing was left to do, UTC; null while something is"),
    _json("counts", "rows erased by table, files, and traces found afterwards"),
    _text("digest", "hash of the receipt"),
    _text("error", "what keeps it from being finished, without any customer text"),
    comment="receipts of erased persons",
)

blocked_key = Table(
    "blocked_key",
    metadata,
    _key("key_hash", "keyed hash of a keyed hash: matches what comes in, and nothing stored"),
    _text("request_id", "the erasure that blocks it", nullable=False),
    comment="keys and ids of erased persons, whose rows are not stored again",
)

output_file = Table(
    "output_file",
    metadata,
    _key("path", "where it was written, from the root"),
    _text(
        "kind",
        "report, codebook, export, actions, sync, tables or customer (their page)",
        nullable=False,
    ),
    _moment("written_at", "when, UTC"),
    _text("digest", "SHA-256 of what was written: a file that differs is another one"),
    _text("subject_hash", "of an export or page, whose it is: as in blocked_key"),
    comment="files with customers' words that earful wrote, to rewrite or remove them later",
)

audit = Table(
    "audit",
    metadata,
    _key("audit_id", "time-ordered id"),
    _moment("at", "when, UTC", nullable=False),
    _text("who", "$EARFUL_USER, else the user of the machine", nullable=False),
    _text("command", "consent, forget, export-customer, purge or restore", nullable=False),
    _json("arguments", "what was asked, without personal data"),
    _json("result", "what came of it: counts and ids of requests"),
    comment="who ran what about customers' rights; append only",
)

input_file = Table(
    "input_file",
    metadata,
    _key("file_hash", "SHA-256 of the file's bytes; of a query, of its rows as a set"),
    _key("settings_hash", "hash of everything that decides how it is read"),
    _text("kind", "feedback, customers or events", nullable=False),
    _text("source", "the source it was read as"),
    _text("file", "its name, relative to the path that was given"),
    _count("n_read", "rows read"),
    _count("n_rejected", "rows that could not be used"),
    _count("n_left_out", "feedback that --since, --until or --limit left out"),
    _count("n_blocked", "rows of erased persons, or from before a purge"),
    _text("run_id", "the run that read it"),
    comment="files that have been read whole: not read again while nothing about them changes",
)

store_info = Table(
    "store_info",
    metadata,
    Column("name", Text, primary_key=True, comment="store_id, secret_fingerprint, ..."),
    _text("value", "its value", nullable=False),
    comment="facts about this store",
)
