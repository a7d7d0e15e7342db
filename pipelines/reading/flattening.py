"""JSON records as the cells of a row: nested names joined by dots, values as text."""

import json
from typing import Any


def flatten_record(record: dict[str, Any]) -> dict[str, str]:
    """Turn a nested record into text by dotted name; see :func:`open_json`."""
    values: dict[str, str] = {}
    _flatten_into(values, "", record)
    return values


def _flatten_into(values: dict[str, str], prefix: str, record: dict[str, Any]) -> None:
    for key, value in record.items():
        name = f"{prefix}{key}" or "column"
        if isinstance(value, dict):
            _flatten_into(values, f"{name}.", value)
        elif value is not None:
            while name in values:  # {"a.b": 1, "a": {"b": 2}}
                name += " (2)"
            values[name] = _to_text(value)


def _to_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        if any(isinstance(item, dict | list | tuple) for item in value):
            return json.dumps(value, ensure_ascii=False, default=_to_text)
        return "; ".join(_to_text(item) for item in value if item is not None)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if hasattr(value, "isoformat"):
        return str(
            value.isoformat(sep=" ")
            if hasattr(value, "hour") and hasattr(value, "year")
            else value.isoformat()
        )
    return str(value)
