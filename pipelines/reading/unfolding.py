"""JSON records taken apart as a layout says: pages, threads, lists of pairs, lists beside them."""

from collections.abc import Iterator
from typing import Any

from pipelines.reading.layout_parts import Join, Pick, Spread
from pipelines.reading.layouts import Layout

Record = dict[str, Any]
_MAX_DEPTH = 200


def unfold_record(record: Record, layout: Layout) -> list[Record]:
    """The records that one JSON object holds; none where it is a page without any.

    :raises RecursionError: where records are nested deeper than any thread is.
    """
    if is_empty_page(record, layout):
        return []
    found = list(_unfold(record, layout, {}, 0))
    for each in found:
        for pick in layout.pick:
            _pick_item(each, pick)
    for join in layout.join:
        _join_beside(record, found, join)
    for each in found:
        for spread in layout.spread:
            _spread_list(each, spread)
    return found


def is_empty_page(record: Record, layout: Layout) -> bool:
    """Tell whether an object is a page of the layout's export on which nothing was found."""
    is_page = bool(layout.page) and all(_get(record, path) is not None for path in layout.page)
    return is_page and not any(_get(record, path) for path in layout.records)


def _unfold(value: Record, layout: Layout, given: Record, depth: int) -> Iterator[Record]:
    if depth > _MAX_DEPTH:
        raise RecursionError
    passed = {name: _get(value, path) for name, path in layout.pass_down.items()}
    given = {**{name: item for name, item in passed.items() if item is not None}, **given}
    nested = [_get(value, path) for path in layout.nested]
    inner = next((found for path in layout.records if _is_held(found := _get(value, path))), None)
    own = value
    for path, item in zip(layout.nested, nested, strict=True):
        if _is_held(item):
            own = _without(own, path.split("."))
    if inner is None:
        if depth == 0 or not _is_wrapper(own, nested):
            yield {**own, **given}
    else:
        for item in _as_objects(inner):
            yield from _unfold_within(item, layout, given, depth + 1)
    for item in nested:
        for child in _as_objects(item) if _is_held(item) else ():
            yield from _unfold(_name_within(child, layout, given), layout, given, depth + 1)


def _unfold_within(item: Record, layout: Layout, given: Record, depth: int) -> list[Record]:
    """The records of an item of a page, each with what the lists of that item say of it."""
    found = list(_unfold(item, layout, given, depth))
    for join in layout.join:
        _join_beside(item, found, join)
    return found


def _name_within(child: Record, layout: Layout, given: Record) -> Record:
    if layout.within is None or child.get("id") is None:
        return child
    return {**child, "id": f"{given.get(layout.within, '')}/{child['id']}"}


def _is_held(value: Any) -> bool:
    return isinstance(value, dict | list)


def _is_wrapper(record: Record, nested: list[Any]) -> bool:
    """Tell whether nothing is left of an object but what was nested in it."""
    return not record and any(map(_is_held, nested))


def _as_objects(value: Any) -> list[Record]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def _get(value: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def _without(record: Record, parts: list[str]) -> Record:
    first, *rest = parts
    if not rest:
        return {name: value for name, value in record.items() if name != first}
    inner = _without(record[first], rest)
    return {**record, first: inner} if inner else _without(record, [first])


def _join_beside(page: Record, records: list[Record], join: Join) -> None:
    items = _as_objects(_get(page, join.list) or [])
    by_key = {str(item[join.key]): item for item in items if join.key in item}
    for record in records:
        item = by_key.get(str(_get(record, join.on)))
        if item is not None and join.put not in record:
            record[join.put] = _cut_item(item, join.keep) if join.keep else item


def _pick_item(record: Record, pick: Pick) -> None:
    items = record.get(pick.list)
    if not isinstance(items, list):
        return
    found = (item for item in _as_objects(items) if item.get(pick.key) == pick.equals)
    if (chosen := next(found, None)) is not None and pick.put not in record:
        record[pick.put] = _cut_item(chosen, pick.keep)
    record[pick.list] = [_cut_item(item, pick.brief) for item in _as_objects(items)]


def _cut_item(item: Record, keys: tuple[str, ...]) -> Record:
    return {key: item[key] for key in keys if key in item}


def _spread_list(record: Record, spread: Spread) -> None:
    items = _get(record, spread.list)
    if not isinstance(items, list):
        return
    titles = _read_titles(record, spread)
    found: Record = {}
    for item in _as_objects(items):
        key = str(_get(item, spread.name))
        name = " ".join(str(titles.get(key) or key).split())
        found[f"{name} ({key})" if name in found else name] = _get_value(item, spread.value)
    parts = spread.list.split(".")
    record.update({name: value for name, value in found.items() if name not in record})
    rest = _without(record, parts)
    record.clear()
    record.update(rest)


def _get_value(item: Record, path: str) -> Any:
    is_told = path.startswith("{")
    value = item.get(str(item.get(path.strip("{}")))) if is_told else _get(item, path)
    if isinstance(value, dict):  # a choice: {"label": ...} or {"labels": [...]}
        value = value.get("label") or value.get("labels") or value
    return value


def _read_titles(record: Record, spread: Spread) -> dict[str, Any]:
    listed = _as_objects(_get(record, spread.titles) or []) if spread.titles else []
    return {str(_get(item, spread.title_key)): _get(item, spread.title) for item in listed}
