"""The roles of columns and the kind of a table, recognised from names and values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.reading.evidence import Evidence, weigh_values
from pipelines.reading.mapping import ColumnMap
from pipelines.reading.vocabulary import Vocabulary, fold_name, load_vocabulary

_MIN_SCORE = 0.45
_KEYS = frozenset(("customer", "email", "phone", "handle"))
Rows = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class KindGuess:
    """What a table holds: feedback, customers, events or unknown; reason is for people."""

    kind: str
    reason: str


def recognise_roles(
    columns: Sequence[str],
    rows: Rows,
    kind: str = "feedback",
    vocabulary: Vocabulary | None = None,
) -> ColumnMap:
    """Give each column at most one role, from its name and from what its values look like.

    A name alone is not enough where values speak against it (a `date` that holds no dates), and
    values alone are enough for e-mails, dates and prose. Columns whose names read like questions
    and that hold prose, and opposed columns (`Pros`, `Cons`), are texts each; otherwise the best
    text column is the one. Replies of the company are never texts.

    :param rows: sample rows; take them by :func:`~pipelines.reading.sampling.sample_table` so
        that the order of the file does not matter.
    """
    known = vocabulary or load_vocabulary()
    return _assign(columns, weigh_columns(columns, rows), kind, known)


def _assign(
    columns: Sequence[str], weighed: Mapping[str, Evidence], kind: str, known: Vocabulary
) -> ColumnMap:
    claims = sorted(
        (claim for column in columns for claim in _claim_roles(column, weighed, kind, known)),
        key=lambda claim: (-claim[0], claim[1], claim[2]),
    )
    roles: dict[str, str] = {}
    private: list[str] = []
    reasons: dict[str, str] = {}
    texts = _choose_texts(columns, weighed, known, reasons) if kind == "feedback" else ()
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
    for score, role, column, _ in claims:
        if column not in taken and _is_personal(role, score):
            taken.add(column)
            reasons[column] = f"personal, and another column is the {role}"
            private.append(column)
    return ColumnMap(roles, texts, tuple(sorted(private, key=list(columns).index)), reasons)


def _is_personal(role: str, score: float) -> bool:
    """Tell whether a column that lost its role to another one still says who somebody is."""
    # Addresses are known by their values; names only by a name that says so: `Branch name` is none.
    return role in ("email", "phone") or (role in ("handle", "author", "name") and score >= 0.9)


def recognise_kind(
    columns: Sequence[str], rows: Rows, vocabulary: Vocabulary | None = None
) -> KindGuess:
    """Tell feedback from lists of customers and of events."""
    known = vocabulary or load_vocabulary()
    weighed = weigh_columns(columns, rows)
    maps = {kind: _assign(columns, weighed, kind, known) for kind in known.kinds}
    signs = {kind: _list_signs(columns, maps[kind], kind, known) for kind in known.kinds}
    prose = [col for col in maps["feedback"].texts if _is_feedback_text(col, weighed, known)]
    if prose and (len(signs["events"]) < 3 or "amount" not in signs["events"]):
        return KindGuess("feedback", f"free text in {_list(map(repr, prose))}")
    if _is_events(maps["events"], signs, weighed):
        return KindGuess("events", f"a customer, a time, and {_list(sorted(signs['events']))}")
    if _KEYS & maps["customers"].columns.keys() and signs["customers"]:
        return KindGuess("customers", f"a customer's key, and {_list(sorted(signs['customers']))}")
    if texts := maps["feedback"].texts:
        return KindGuess("feedback", f"text in {_list(map(repr, texts))}")
    return KindGuess("unknown", "no free text, no customer's key and no events were recognised")


def _is_events(
    mapping: ColumnMap, signs: Mapping[str, set[str]], weighed: Mapping[str, Evidence]
) -> bool:
    found = mapping.columns.keys()
    if "at" not in found or not _KEYS & found or not {"kind", "amount"} & found:
        return False
    is_list = _is_one_per_customer(mapping, weighed)
    return len(signs["events"]) >= (len(signs["customers"]) if is_list else 2)


def weigh_columns(columns: Sequence[str], rows: Rows) -> dict[str, Evidence]:
    """Look at the values of every column."""
    return {column: weigh_values([row.get(column, "") for row in rows]) for column in columns}


def _claim_roles(
    column: str, weighed: Mapping[str, Evidence], kind: str, known: Vocabulary
) -> list[tuple[float, str, str, str]]:
    evidence = weighed[column]
    claims = []
    for role in known.kinds[kind].roles:
        score = known.score_name(role, column)
        if score >= _MIN_SCORE and _fits(role, evidence):
            reason = "by its name" if not evidence.n_filled else "by its name and values"
            claims.append((score, role, column, reason))
    if evidence.emails >= 0.8 and evidence.n_filled >= 2 and known.score_name("email", column) == 0:
        is_staff = any(word in column.lower() for word in ("owner", "agent", "assignee"))
        claims.append((0.4, "private" if is_staff else "email", column, "its values are e-mails"))
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
        case "at" | "created":
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
            is_key = evidence.distinct >= 0.9 and evidence.rounded < 0.2
            return is_key and evidence.mean_words < 6 and evidence.dates < 0.5
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


def _choose_texts(
    columns: Sequence[str],
    weighed: Mapping[str, Evidence],
    known: Vocabulary,
    reasons: dict[str, str],
) -> tuple[str, ...]:
    role = known.roles["text"]
    open_columns = [column for column in columns if _may_be_text(column, weighed[column], known)]
    several = [column for column in open_columns if _is_one_of_several(column, known)]
    questions = [
        column
        for column in open_columns
        if known.is_question(column) and column not in several and _is_answered(weighed[column])
    ]
    named = [column for column in open_columns if known.score_name("text", column) >= 0.9]
    if questions or len(several) >= 2:
        chosen = [column for column in columns if column in {*questions, *several, *named}]
        chosen = [column for column in chosen if _is_answered(weighed[column])] or chosen
        for column in chosen:
            reasons[column] = "free text under a name that asks or names an opinion"
        return tuple(chosen)
    rated = [
        (_rate_text(column, weighed[column], known), column)
        for column in open_columns
        if known.score_name("text", column) >= _MIN_SCORE or weighed[column].is_prose
    ]
    if not rated:
        return ()
    score, best = min(rated, key=lambda item: (-item[0], item[1]))
    is_named = known.score_name("text", best) >= _MIN_SCORE
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


def _is_feedback_text(column: str, weighed: Mapping[str, Evidence], known: Vocabulary) -> bool:
    evidence = weighed[column]
    is_named = known.score_name("text", column) >= _MIN_SCORE or known.is_question(column)
    return evidence.is_prose or (is_named and evidence.is_wordy and evidence.distinct >= 0.2)


def _list_signs(
    columns: Sequence[str], mapping: ColumnMap, kind: str, known: Vocabulary
) -> set[str]:
    signs = {sign for sign in known.kinds[kind].signs if sign in mapping.columns}
    if mapping.private and "private" in known.kinds[kind].signs:
        signs.add("personal details")
    words = {word for column in columns for word in fold_name(column).split()}
    return signs | (known.kinds[kind].words & words)


def _is_one_per_customer(mapping: ColumnMap, weighed: Mapping[str, Evidence]) -> bool:
    column = mapping.columns.get("customer") or mapping.columns.get("email")
    return column is not None and weighed[column].distinct >= 0.99


def _list(names: Iterable[str]) -> str:
    return ", ".join(list(names)[:6]) or "nothing else"
