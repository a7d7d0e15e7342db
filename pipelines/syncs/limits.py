"""How long texts may be, and rows in portions: what several kinds of destinations need."""

from collections.abc import Iterator, Mapping, Sequence

from pipelines.syncs.target import Answer, Row


def split_rows(rows: Sequence[Row], n: int) -> Iterator[Sequence[Row]]:
    """Rows in their order, at most n at a time."""
    for start in range(0, len(rows), n):
        yield rows[start : start + n]


def part_too_long(rows: Sequence[Row], limits: Mapping[str, int]) -> tuple[list[Row], list[Answer]]:
    """Rows that fit, and answers about those with a text that would not.

    A text is never cut: half a sentence may say the opposite.

    :param limits: characters by field.
    """
    fitting, refused = [], []
    for row in rows:
        if long := _find_too_long(row, limits):
            told = ", ".join(f"{name} (at most {limits[name]:,} characters)" for name in long)
            refused.append(Answer(row.key, f"too long for {told}", tuple(long)))
        else:
            fitting.append(row)
    return fitting, refused


def _find_too_long(row: Row, limits: Mapping[str, int]) -> list[str]:
    return [
        name
        for name, most in sorted(limits.items())
        if isinstance(value := row.values.get(name), str) and len(value) > most
    ]
