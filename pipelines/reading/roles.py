"""The roles of columns, recognised from names and values."""

from collections.abc import Mapping, Sequence

from pipelines.folding import fold_name
from pipelines.reading.consents import leave_consents_out
from pipelines.reading.evidence import N_LOOKED_AT, Evidence, weigh_values
from pipelines.reading.mapping import ColumnMap
from pipelines.reading.rating_questions import Claim, is_asked_for, leave_rivals_out, score_rating
from pipelines.reading.text_columns import choose_texts, may_be_text
from pipelines.reading.vocabulary import (
    MIN_NAME_SCORE,
    Vocabulary,
    load_vocabulary,
)

_SURE_NAME_SCORE = 0.9
# What an id must be: of a share of distinct values, and no number that a spreadsheet rounded.
DISTINCT_SHARE = 0.9
ROUNDED_SHARE = 0.2
# Fewer filled values than this do not speak against a name that is known.
_MIN_FILLED = 3
# Answers to a closed question are of fewer kinds, or of one word: scales have up to 7 steps.
_MIN_OPINIONS = 10
_MIN_OPINION_WORDS = 2
# Of a wide table fewer values a column are looked at; ten thousand columns took 1 ms each.
_MAX_CELLS = 100_000
_MIN_LOOKED_AT = 20
Rows = Sequence[Mapping[str, str]]


def recognise_roles(
    columns: Sequence[str],
    rows: Rows,
    kind: str = "feedback",
    vocabulary: Vocabulary | None = None,
    labels: Mapping[str, str] | None = None,
) -> ColumnMap:
    """Give each column at most one role, from its name and from what its values look like.

    A name alone is not enough where values speak against it (a `date` that holds no dates), and
    values alone are enough for e-mails, dates and prose. Columns whose names read like questions
    and that hold prose, and opposed columns (`Pros`, `Cons`), are texts each; otherwise the best
    text column is the one. Replies of the company are never texts, nor are answers about consent.

    :param rows: sample rows; take them by :func:`~pipelines.reading.sampling.sample_table` so
        that the order of the file does not matter.
    :param labels: what a survey asked in a column, where its name does not say it.
    """
    known = vocabulary or load_vocabulary()
    rest = leave_consents_out(columns, rows, labels)
    return assign_roles(rest, weigh_columns(rest, rows), kind, known, labels)


def assign_roles(
    columns: Sequence[str],
    weighed: Mapping[str, Evidence],
    kind: str,
    known: Vocabulary,
    labels: Mapping[str, str] | None = None,
) -> ColumnMap:
    """Give the roles of a kind of table; as :func:`recognise_roles`, of columns already weighed."""
    asked = labels or {}
    found = (
        claim
        for column in columns
        for claim in _claim_roles(column, weighed[column], kind, known, asked.get(column, ""))
    )
    claims = sorted(
        leave_rivals_out(found, asked), key=lambda claim: (-claim[0], claim[1], claim[2])
    )
    roles: dict[str, str] = {}
    private: list[str] = []
    reasons: dict[str, str] = {}
    is_feedback = kind == "feedback"
    texts = choose_texts(columns, weighed, known, reasons, asked) if is_feedback else ()
    taken = set(texts)
    for _, role, column, reason in claims:
        if column in taken or role == "text" or (role in roles and role != "private"):
            continue
        taken.add(column)
        reasons[column] = reason
        if role == "private":
            private.append(column)
        else:
            roles[role] = column
    if kind == "feedback" and not texts and "title" in roles:
        texts = (roles.pop("title"),)
        taken.add(texts[0])
    if kind == "events":
        _number_events(weighed, roles, known)
    if kind == "customers" and "customer" not in roles and {"email", "phone", "handle"} & {*roles}:
        _claim_plain_id(columns, weighed, taken, roles, reasons)
    for score, role, column, _ in claims:
        if column not in taken and _is_personal(role, score):
            taken.add(column)
            reasons[column] = f"personal, and another column is the {role}"
            private.append(column)
    hidden = {*private}
    private = [column for column in columns if column in hidden]
    return ColumnMap(roles, texts, tuple(private), reasons)


def _number_events(
    weighed: Mapping[str, Evidence], roles: dict[str, str], known: Vocabulary
) -> None:
    """The number of an order is the event's id too, where each has its own and nothing is surer."""
    order, rival = roles.get("order"), roles.get("id")
    is_beaten = rival is not None and known.score_name("id", rival) >= _SURE_NAME_SCORE
    if order is not None and not is_beaten and _fits("id", weighed[order]):
        roles["id"] = roles.pop("order")


def _claim_plain_id(
    columns: Sequence[str],
    weighed: Mapping[str, Evidence],
    taken: set[str],
    roles: dict[str, str],
    reasons: dict[str, str],
) -> None:
    """In a list of people that names no customer's id, a column `ID` holds it."""
    for column in columns:
        if column not in taken and fold_name(column) == "id" and _fits("id", weighed[column]):
            roles["customer"] = column
            taken.add(column)
            reasons[column] = "the id of each row, in a list of people"
            return


def _is_personal(role: str, score: float) -> bool:
    """Tell whether a column that lost its role to another one still says who somebody is."""
    # Addresses are known by their values; names only by a name that says so: `Branch name` is none.
    return role in ("email", "phone") or (role in ("handle", "author", "name") and score >= 0.9)


def weigh_columns(columns: Sequence[str], rows: Rows) -> dict[str, Evidence]:
    """Look at the values of every column."""
    n_looked_at = max(_MIN_LOOKED_AT, min(N_LOOKED_AT, _MAX_CELLS // max(len(columns), 1)))
    return {
        column: weigh_values([row.get(column, "") for row in rows], n_looked_at)
        for column in columns
    }


def find_unfit_ids(columns: Sequence[str], rows: Rows, mapping: ColumnMap) -> dict[str, Evidence]:
    """Columns without a role that are named like the id of a feedback, and whose values are none.

    :param mapping: the roles of a feedback; with an id there is none.
    """
    if "id" in mapping.columns:
        return {}
    known = load_vocabulary()
    named = [
        column
        for column in columns
        if mapping.role_of(column) is None and known.score_name("id", column) >= _SURE_NAME_SCORE
    ]
    weighed = weigh_columns(named, rows)
    return {
        column: evidence
        for column, evidence in weighed.items()
        if evidence.n_filled >= _MIN_FILLED and not _fits("id", evidence)
    }


def find_unread_questions(
    columns: Sequence[str], rows: Rows, mapping: ColumnMap
) -> dict[str, Evidence]:
    """Columns without a role whose names ask and whose answers may be opinions, though they repeat.

    :param mapping: the roles of a feedback.
    """
    known = load_vocabulary()
    asking = [
        column
        for column in leave_consents_out(columns, rows)
        if mapping.role_of(column) is None and known.is_question(column)
    ]
    return {
        column: evidence
        for column, evidence in weigh_columns(asking, rows).items()
        if may_be_text(column, evidence, known)
        and evidence.n_distinct >= _MIN_OPINIONS
        and evidence.mean_words >= _MIN_OPINION_WORDS
    }


def find_rival_ratings(
    columns: Sequence[str], rows: Rows, mapping: ColumnMap, labels: Mapping[str, str]
) -> tuple[str, ...]:
    """Columns without a role that answer questions for a rating, where none is more the rating.

    :param mapping: the roles of a feedback; with a rating there are none.
    """
    if "rating" in mapping.columns:
        return ()
    asking = [
        column
        for column in columns
        if mapping.role_of(column) is None and is_asked_for(column, labels.get(column, ""))
    ]
    return tuple(
        column
        for column, evidence in weigh_columns(asking, rows).items()
        if is_rated(column, labels.get(column, ""), evidence)
    )


def is_order_number(column: str) -> bool:
    """Tell whether a column's name says that it holds numbers of orders."""
    return load_vocabulary().score_name("order", column) >= _SURE_NAME_SCORE


def is_rated(column: str, label: str, evidence: Evidence) -> bool:
    """Tell whether a column holds the answers to a question that asks for a rating."""
    score = score_rating(column, label, evidence, load_vocabulary())
    return score >= MIN_NAME_SCORE and evidence.n_filled > 0 and _fits("rating", evidence)


def _claim_roles(
    column: str, evidence: Evidence, kind: str, known: Vocabulary, label: str
) -> list[Claim]:
    claims = []
    roles = known.kinds[kind].roles
    if "rating" in roles and is_asked_for(column, label) and is_rated(column, label, evidence):
        roles = ("rating",)
    for role in roles:
        score = known.score_name(role, column)
        if role == "rating":
            score = score_rating(column, label, evidence, known)
        is_plain = score >= _SURE_NAME_SCORE and evidence.n_filled < _MIN_FILLED
        if score >= MIN_NAME_SCORE and (is_plain or _fits(role, evidence)):
            reason = "by its name" if not evidence.n_filled else "by its name and values"
            claims.append((score, role, column, reason))
    if evidence.emails >= 0.8 and evidence.n_filled >= 2 and known.score_name("email", column) == 0:
        is_staff = any(word in column.lower() for word in ("owner", "agent", "assignee"))
        claims.append((0.4, "private" if is_staff else "email", column, "its values are e-mails"))
    if kind == "events" and fold_name(column) == "name" and _is_numbered(evidence):
        claims.append((MIN_NAME_SCORE, "order", column, "its values are numbers of orders"))
    if "at" in known.kinds[kind].roles and evidence.dates >= 0.9 and not claims:
        words = fold_name(column).split()
        if not known.roles["at"].never & {*words, " ".join(words[:2])}:
            claims.append((0.3, "at", column, "its values are dates"))
    return claims


def _fits(role: str, evidence: Evidence) -> bool:
    """Tell whether values do not speak against a role; an empty column fits any."""
    if evidence.n_filled == 0:
        return True
    match role:
        case "at" | "created" | "edited":
            return evidence.dates >= 0.5 or (evidence.codes >= 0.8 and evidence.letters < 0.5)
        case "rating" | "rating_max":
            return evidence.ratings >= 0.6 and evidence.n_distinct <= 101
        case "amount":
            return evidence.letters < 0.5 and evidence.dates < 0.5 and evidence.emails < 0.5
        case "email":
            return evidence.emails >= 0.3
        case "phone":
            return evidence.phones >= 0.3
        case "id":
            # An edited review appears again under its id; ids that repeat more often than that
            # (Excel's 5.70306E+17, a ticket with many rows) would make one item of many.
            is_key = evidence.distinct >= DISTINCT_SHARE and evidence.rounded < ROUNDED_SHARE
            return is_key and evidence.mean_words < 6 and evidence.dates < 0.5
        case "handle" if evidence.profiles >= 0.5:
            return True
        case "order":
            return _is_numbered(evidence) and evidence.dates < 0.5
        case "name" if _is_numbered(evidence):
            return False  # Shopify's name of an order, #1001
        case "customer" | "handle" | "author" | "name":
            return evidence.mean_words < 8 and evidence.dates < 0.5 and evidence.urls < 0.5
        case "lang":
            return evidence.langs >= 0.5 or evidence.mean_words <= 2
        case "channel" | "source" | "segment" | "country" | "currency" | "kind":
            return evidence.mean_words < 6 and not (evidence.is_prose and evidence.mean_words > 4)
        case "product":
            return evidence.mean_words < 15 and evidence.dates < 0.5
        case "title" | "question":
            return evidence.letters >= 0.3
        case _:
            return True


def _is_numbered(evidence: Evidence) -> bool:
    """Tell whether values are codes with digits in them, as numbers of orders are."""
    return evidence.codes >= 0.8 and evidence.mean_words < 2
