"""The roles of columns, recognised from names and values."""

from collections.abc import Mapping, Sequence

from pipelines.reading.consents import leave_consents_out
from pipelines.reading.evidence import N_LOOKED_AT, Evidence, weigh_values
from pipelines.reading.mapping import ColumnMap
from pipelines.reading.name_columns import asks_for_name
from pipelines.reading.numbers import read_scale
from pipelines.reading.vocabulary import Vocabulary, fold_name, load_vocabulary

MIN_NAME_SCORE = 0.45
"""From here on a column's name speaks for a role."""
_SURE_NAME_SCORE = 0.9
# What an id must be: of a share of distinct values, and no number that a spreadsheet rounded.
DISTINCT_SHARE = 0.9
ROUNDED_SHARE = 0.2
# Fewer filled values than this do not speak against a name that is known.
_MIN_FILLED = 3
# Answers to a closed question are of fewer kinds, or of one word: scales have up to 7 steps.
_MIN_OPINIONS = 10
_MIN_OPINION_WORDS = 2
# A question whose answers are nearly all made of the same options is a closed one.
_TICKED_SHARE = 0.9
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
    claims = sorted(
        (
            claim
            for column in columns
            for claim in _claim_roles(
                column, weighed[column], kind, known, (labels or {}).get(column, "")
            )
        ),
        key=lambda claim: (-claim[0], claim[1], claim[2]),
    )
    roles: dict[str, str] = {}
    private: list[str] = []
    reasons: dict[str, str] = {}
    is_feedback = kind == "feedback"
    texts = _choose_texts(columns, weighed, known, reasons, labels or {}) if is_feedback else ()
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
        if _may_be_text(column, evidence, known)
        and evidence.n_distinct >= _MIN_OPINIONS
        and evidence.mean_words >= _MIN_OPINION_WORDS
    }


def is_order_number(column: str) -> bool:
    """Tell whether a column's name says that it holds numbers of orders."""
    return load_vocabulary().score_name("order", column) >= _SURE_NAME_SCORE


def is_rated(column: str, label: str, evidence: Evidence) -> bool:
    """Tell whether a column holds the answers to a question that asks for a rating."""
    score = _score_rating(column, label, load_vocabulary())
    return score >= MIN_NAME_SCORE and evidence.n_filled > 0 and _fits("rating", evidence)


def _score_rating(column: str, label: str, known: Vocabulary) -> float:
    """How much a name and what was asked speak for a rating; a question may just name its scale."""
    score = max(known.score_name("rating", name) for name in (column, label))
    asked = (name for name in (column, label) if known.is_question(name))
    if score < MIN_NAME_SCORE and any(map(read_scale, asked)):
        return MIN_NAME_SCORE
    return score


def _claim_roles(
    column: str, evidence: Evidence, kind: str, known: Vocabulary, label: str
) -> list[tuple[float, str, str, str]]:
    claims = []
    for role in known.kinds[kind].roles:
        is_rating = role == "rating"
        score = _score_rating(column, label, known) if is_rating else known.score_name(role, column)
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


def _choose_texts(
    columns: Sequence[str],
    weighed: Mapping[str, Evidence],
    known: Vocabulary,
    reasons: dict[str, str],
    labels: Mapping[str, str],
) -> tuple[str, ...]:
    role = known.roles["text"]
    open_columns = [
        column
        for column in columns
        if _may_be_text(column, weighed[column], known)
        and not asks_for_name(column)
        and not asks_for_name(labels.get(column, ""))
    ]
    several = [column for column in open_columns if _is_one_of_several(column, known)]
    questions = [
        column
        for column in open_columns
        if (known.is_question(column) or known.is_question(labels.get(column, "")))
        and column not in several
        and _is_answered(weighed[column])
        and weighed[column].ticked < _TICKED_SHARE
    ]
    named = [column for column in open_columns if known.score_name("text", column) >= 0.9]
    if questions or len(several) >= 2:
        told = {*questions, *several, *named}
        chosen = [column for column in columns if column in told]
        chosen = [column for column in chosen if _is_answered(weighed[column])] or chosen
        for column in chosen:
            reasons[column] = "free text under a name that asks or names an opinion"
        return tuple(chosen)
    rated = [
        (_rate_text(column, weighed[column], known), column)
        for column in open_columns
        if known.score_name("text", column) >= MIN_NAME_SCORE or weighed[column].is_prose
    ]
    if not rated:
        return ()
    score, best = min(rated, key=lambda item: (-item[0], item[1]))
    is_named = known.score_name("text", best) >= MIN_NAME_SCORE
    reasons[best] = "by its name" + (" and its free text" if weighed[best].is_prose else "")
    if not is_named:
        reasons[best] = "its values are free text"
    return (best,) if score > 0 or role.names else ()


def _may_be_text(column: str, evidence: Evidence, known: Vocabulary) -> bool:
    if known.score_name("reply", column) >= 0.6 or known.score_name("private", column) >= 0.6:
        return False
    if known.score_name("title", column) >= 0.9 or known.score_name("question", column) >= 0.9:
        return False
    if evidence.n_filled == 0:
        return known.score_name("text", column) >= 0.9
    return evidence.is_wordy or (
        known.score_name("text", column) >= 0.9
        and max(evidence.emails, evidence.dates, evidence.codes) < 0.9
    )


def _is_one_of_several(column: str, known: Vocabulary) -> bool:
    return fold_name(column) in known.roles["text"].several


def _is_answered(evidence: Evidence) -> bool:
    is_open = evidence.distinct >= 0.3 and evidence.mean_words >= 1.5
    return evidence.n_filled > 0 and evidence.letters >= 0.5 and (is_open or evidence.is_prose)


def _rate_text(column: str, evidence: Evidence, known: Vocabulary) -> float:
    prose = min(evidence.mean_words, 20) / 20 * evidence.distinct * evidence.letters
    never = known.roles["text"].never
    name = known.score_name("text", column)
    is_ruled_out = any(word in column.lower().replace("_", " ").split() for word in never)
    return 1.5 * name + prose - (0.5 if is_ruled_out else 0.0)
