"""A team's codebook against the themes of a store: what it says that is not so yet."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, not_, select

from nlp.label_names import read_language
from nlp.themes.edits import Edit, Pin
from pipelines import tables
from pipelines.edits.checks import MAX_NAME_CHARS, MAX_TEXT_CHARS, check_text
from pipelines.edits.codebook import Category, split_list
from pipelines.edits.fixed import read_fixed_at
from pipelines.edits.pins import make_pin, make_pin_id, read_names
from pipelines.edits.requests import Drafts, EditRequest, refuse_merged, require_theme
from pipelines.edits.traces import find_traces
from pipelines.errors import ConfigError
from pipelines.rights.descriptions import hide_descriptions
from pipelines.rights.gate import allows
from pipelines.themes.edit_log import read_log, replay_log

_PROBLEMS_SHOWN = 10
_SHORT = 60


@dataclass
class Plan:
    """What importing a codebook comes to.

    :param theme_ids: of the categories, in their order.
    :param edits: to be made, in an order in which each makes sense.
    :param without_examples: names of categories that are told by their sentence or name alone.
    """

    theme_ids: list[str] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    without_examples: list[str] = field(default_factory=list)


def export_categories(connection: Connection) -> list[Category]:
    """Every active theme as a category, by group and name; quotes stand for missing examples."""
    decisions = replay_log(connection, read_log(connection))
    theme = tables.theme
    query = select(theme).where(theme.c.status == "active")
    rows = hide_descriptions(connection, connection.execute(query).mappings())
    names = {row["theme_id"]: row["name"] for row in rows}
    quotes = _read_quotes(connection)
    fixed: dict[str, tuple[str, ...]] = {}
    for each in decisions.fixed:
        fixed[each.theme_id] = (*fixed.get(each.theme_id, ()), each.at)
    has_examples = any(each.pin and each.pin.examples for each in decisions.themes.values())
    hidden = _find_unquotable(connection) if has_examples else frozenset()
    found = []
    for row in rows:
        decision = decisions.themes.get(row["theme_id"])
        pin = decision.pin if decision else None
        quoted = quotes.get(row["theme_id"], ())
        found.append(
            Category(
                place=row["theme_id"],
                theme_id=row["theme_id"],
                name=row["name"],
                description=" ".join((row["description"] or "").split()),
                examples=_leave_out(pin.examples, hidden) if pin else quoted,
                keywords=pin.keywords if pin else _split_keywords(row["keywords"]),
                language=row["lang"] or "",
                group=names.get(row["parent_id"], ""),
                fixed_at=fixed.get(row["theme_id"], ()),
            )
        )
    return sorted(found, key=lambda each: (each.group, each.name, each.theme_id))


def plan_import(drafts: Drafts, categories: Sequence[Category]) -> Plan:
    """Find out what a codebook changes; what holds already is left alone.

    :raises ConfigError: naming every category that cannot be used, with its place.
    """
    return _Planner(drafts, categories).plan()


class _Planner:
    """A codebook beside the themes as they are."""

    def __init__(self, drafts: Drafts, categories: Sequence[Category]) -> None:
        self._drafts = drafts
        self._categories = categories
        self._current = {each.theme_id: each for each in export_categories(drafts.connection)}
        self._by_name: dict[str, list[str]] = {}
        for theme_id, name in read_names(drafts).items():
            self._by_name.setdefault(name.casefold(), []).append(theme_id)
        self._taken = set(drafts.decisions.theme_ids)
        self._problems = list(_find_clashes(categories))

    def plan(self) -> Plan:
        """The edits; pins first, so that groups find their themes."""
        plan = Plan()
        further: list[Edit] = []
        for category in self._categories:
            try:
                theme_id = self._find_theme(category)
                plan.edits += self._pin(category, theme_id, plan)
                further += self._reword(category, theme_id)
                further += self._mark_fixed(category, theme_id)
                plan.theme_ids.append(theme_id)
            except ConfigError as error:
                self._problems.append(f"{category.place}: {error}")
        if self._problems:
            raise ConfigError(_list_problems(self._problems, len(self._categories)))
        for category, theme_id in zip(self._categories, plan.theme_ids, strict=True):
            further += self._group(category, theme_id, plan)
        plan.edits += further
        return plan

    def _find_theme(self, category: Category) -> str:
        """The theme that a category is about; a new id where there is none."""
        if category.theme_id:
            require_theme(category.theme_id, self._drafts.decisions.theme_ids)
            refuse_merged(category.theme_id, self._drafts.decisions)
            return category.theme_id
        name = self._check("name", category.name)
        return self._name_theme(name)

    def _check(self, what: str, text: str, max_chars: int = MAX_NAME_CHARS) -> str:
        return check_text(what, text, max_chars, self._drafts.masking)

    def _name_theme(self, name: str) -> str:
        """The theme of this name, which is made where there is none."""
        found = self._by_name.get(name.casefold(), [])
        if len(found) > 1:
            raise ConfigError(
                f"{len(found)} themes are called {name[:_SHORT]!r}: {', '.join(sorted(found))}; "
                "say in the column theme_id which is meant"
            )
        if not found:
            found = [make_pin_id(name, self._taken)]
            self._taken.add(found[0])
            self._by_name[name.casefold()] = found
        return found[0]

    def _pin(self, category: Category, theme_id: str, plan: Plan) -> Iterator[Edit]:
        """Pin a category, unless it stands so in the store or was exported so and never changed."""
        current = self._current.get(theme_id)
        if current and category.theme_id and _says_the_same(category, current):
            return
        decision = self._drafts.decisions.themes.get(theme_id)
        pinned = decision.pin if decision else None
        name = category.name or (current.name if current else "")
        lang = _read_language(category)
        given = EditRequest(
            "pin",
            lang=lang or (pinned.lang if pinned else None),
            about=category.description if current is None else "",
            examples=category.examples or (pinned.examples if pinned else ()),
            keywords=category.keywords or (pinned.keywords if pinned else ()),
        )
        known = current.keywords if current else ()
        pin = make_pin(given, self._check("name", name), self._drafts.masking, known)
        told = replace(category, examples=pin.examples, keywords=pin.keywords, language=lang or "")
        is_known = pinned is not None or category.theme_id
        if current and is_known and _says_the_same(told, current):
            return
        if not pin.examples and not pin.keywords:
            plan.without_examples.append(name)
        yield Edit("", "pin", theme_id, text=name, pin=pin)

    def _reword(self, category: Category, theme_id: str) -> Iterator[Edit]:
        current = self._current.get(theme_id)
        if current is None:
            return
        if category.name and category.name.casefold() != current.name.casefold():
            text = self._check("name", category.name)
            yield Edit("", "rename", theme_id, text=text)
        if category.description and category.description != current.description:
            text = self._check("description", category.description, MAX_TEXT_CHARS)
            yield Edit("", "describe", theme_id, text=text)

    def _mark_fixed(self, category: Category, theme_id: str) -> Iterator[Edit]:
        """What is said to be fixed and was not yet."""
        current = self._current.get(theme_id)
        for given in category.fixed_at:
            at = read_fixed_at(self._drafts, "fixed_at", given)
            if current is None or at not in current.fixed_at:
                yield Edit("", "fixed", theme_id, text=at)

    def _group(self, category: Category, theme_id: str, plan: Plan) -> Iterator[Edit]:
        """Put a theme under the one that its group is called by, which is made if need be."""
        current = self._current.get(theme_id)
        is_same = current is not None and category.group.casefold() == current.group.casefold()
        if not category.group or is_same:
            return
        name = self._check("group", category.group)
        leader = self._name_theme(name)
        is_known = leader in self._drafts.decisions.theme_ids or leader in plan.theme_ids
        if not is_known and leader not in {edit.theme_id for edit in plan.edits}:
            plan.edits.append(Edit("", "pin", leader, text=name, pin=Pin()))
        if leader != theme_id:
            yield Edit("", "group", theme_id, other_id=leader)


def _says_the_same(category: Category, current: Category) -> bool:
    """Whether nothing that a category gives differs; what it leaves empty gives nothing."""
    return (
        (not category.examples or set(category.examples) == set(current.examples))
        and (not category.keywords or set(category.keywords) == set(current.keywords))
        and category.language in ("", current.language)
    )


def _find_clashes(categories: Sequence[Category]) -> Iterator[str]:
    """Categories that say the same, and groups that are in groups.

    Themes that people called alike are told apart by their ids.
    """
    for what in ("name", "theme_id"):
        counts = Counter(str(getattr(each, what)).casefold() for each in categories)
        if what == "name":
            without_id = {each.name.casefold() for each in categories if not each.theme_id}
            counts = Counter({key: n for key, n in counts.items() if key in without_id})
        for key in sorted(key for key, n in counts.items() if key and n > 1):
            places = [each.place for each in categories if getattr(each, what).casefold() == key]
            yield (
                f"{', '.join(places[:5])}: {len(places)} categories have the same {what} "
                f"({key[:_SHORT]!r}); make them one, or give them different ones"
            )
    leaders = {each.name.casefold() for each in categories if not each.group}
    grouped = {each.name.casefold(): each for each in categories if each.group}
    grouped = {name: each for name, each in grouped.items() if name not in leaders}
    for each in categories:
        leader = grouped.get(each.group.casefold())
        if leader and leader is not each and leader.group.casefold() != leader.name.casefold():
            yield (
                f"{each.place}: its group {each.group[:_SHORT]!r} is in a group itself "
                f"({leader.place}); there are two levels only"
            )


def _list_problems(problems: Sequence[str], n_categories: int) -> str:
    shown = "\n  ".join(problems[:_PROBLEMS_SHOWN])
    n_more = len(problems) - _PROBLEMS_SHOWN
    more = f"\n  and {n_more:,} more" if n_more > 0 else ""
    return (
        f"{len(problems):,} problem{'s'[: len(problems) != 1]} among "
        f"{n_categories:,} {'category' if n_categories == 1 else 'categories'}; "
        "nothing was imported. "
        f"Correct the file and import it again:\n  {shown}{more}"
    )


def _read_language(category: Category) -> str | None:
    if not category.language:
        return None
    code = read_language(category.language)
    if code is None:
        raise ConfigError(
            f"{category.language[:_SHORT]!r} is no language; write a code or an English name"
        )
    return code


def _find_unquotable(connection: Connection) -> frozenset[str]:
    """Examples that people pinned, of whose words somebody does not allow to be quoted."""
    mention, feedback = tables.mention.c, tables.feedback.c
    refused = (
        select(mention.mention_id)
        .join(tables.feedback, feedback.feedback_id == mention.feedback_id)
        .where(not_(allows(connection, "quoting")))
    )
    ids = set(connection.execute(refused).scalars())
    return frozenset(trace.text for trace in find_traces(connection, ids)) if ids else frozenset()


def _leave_out(examples: tuple[str, ...], hidden: Collection[str]) -> tuple[str, ...]:
    return tuple(example for example in examples if example not in hidden)


def _read_quotes(connection: Connection) -> dict[str, tuple[str, ...]]:
    quote = tables.theme_quote.c
    query = (
        select(quote.theme_id, quote.text)
        .join(tables.mention, tables.mention.c.mention_id == quote.mention_id)
        .join(tables.feedback, tables.feedback.c.feedback_id == tables.mention.c.feedback_id)
        .where(allows(connection, "quoting"))
        .order_by(quote.theme_id, quote.rank)
    )
    found: dict[str, list[str]] = {}
    for theme_id, text in connection.execute(query):
        found.setdefault(theme_id, []).append(" ".join(text.split()))
    return {theme_id: tuple(dict.fromkeys(texts)) for theme_id, texts in found.items()}


def _split_keywords(keywords: Sequence[str] | None) -> tuple[str, ...]:
    """Found keywords as they are read from a cell, where one that is a sentence has commas."""
    return tuple(dict.fromkeys(part for word in keywords or () for part in split_list(word)))
