"""Write configs/dashboards/datasette.yaml and grafana.json from configs/dashboards/queries.toml.

python scripts/make_dashboards.py            # write them
python scripts/make_dashboards.py --check    # exit 1 where they are not what it would write
"""

import argparse
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from pipelines import tables  # noqa: E402

FOLDER = ROOT / "configs" / "dashboards"
HEAD = '# Written by scripts/make_dashboards.py from queries.toml; see the README, "Dashboards".\n'
# Tables of numbers and names that may be opened; words and customers are read through views,
# which leave out what may not be shown, and all else is nobody's.
OPEN = {
    *(
        "run",
        "run_measure",
        "theme",
        "theme_period",
        "theme_impact",
        "theme_stake",
        "theme_fix",
        "theme_share",
    ),
    *("theme_signal", "priority", "comparison", "coverage"),
}
SHOWN = {
    "v_theme": (["verdict", "status", "lang"], "signal_score"),
    "v_theme_week": (["verdict", "sentiment_verdict"], "week_start"),
    "v_feedback": (["source", "lang", "channel", "noise_reason"], "occurred_at"),
    "v_customer": (["segment", "journey_stage", "risk_method"], "risk"),
}
SOURCE = {"type": "grafana-postgresql-datasource", "uid": "${DS_EARFUL}"}


def main() -> None:
    """Write or check both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    is_check = parser.parse_args().check
    made = make_files()
    wrong = [name for name, text in made.items() if _read(FOLDER / name) != text]
    if is_check:
        sys.exit(f"not as the queries have them: {', '.join(wrong)}" if wrong else 0)
    for name in wrong:
        (FOLDER / name).write_text(made[name], encoding="utf-8")
        print(f"wrote {FOLDER / name}")


def make_files() -> dict[str, str]:
    """The content of each file by name."""
    queries = tomllib.loads((FOLDER / "queries.toml").read_text(encoding="utf-8"))["queries"]
    return {"datasette.yaml": make_datasette(queries), "grafana.json": make_grafana(queries)}


def make_datasette(queries: list[dict[str, Any]]) -> str:
    """Canned queries, facets, and tables that nobody may open. JSON is YAML, but for the reader."""
    closed = sorted({*tables.metadata.tables, "alembic_version"} - OPEN)
    lines = [
        HEAD + "# datasette earful.db --metadata configs/dashboards/datasette.yaml",
        "title: earful",
        "description: What customers say, as the last finished run left it",
        "databases:",
        "  earful:",
        "    allow_sql: false",
        "    tables:",
    ]
    lines += [f"      {name}: {{allow: false}}" for name in closed]
    for name, (facets, order) in SHOWN.items():
        lines += [
            f"      {name}:",
            f"        facets: {json.dumps(facets)}",
            f"        sort_desc: {order}",
            "        size: 50",
        ]
    lines.append("    queries:")
    for query in queries:
        lines += [f"      {query['name']}:", f"        title: {json.dumps(query['title'])}"]
        lines.append("        sql: |-")
        lines += [f"          {line}" for line in query["sql"].strip().splitlines()]
    return "\n".join(lines) + "\n"


def make_grafana(queries: list[dict[str, Any]]) -> str:
    """A dashboard of one panel a query, on a data source that is asked for at import."""
    panels = [_make_panel(number, query) for number, query in enumerate(queries)]
    dashboard = {
        "__inputs": [
            {
                "name": "DS_EARFUL",
                "label": "The store (PostgreSQL)",
                "type": "datasource",
                "pluginId": SOURCE["type"],
                "pluginName": "PostgreSQL",
            }
        ],
        "uid": "earful",
        "title": "earful",
        "tags": ["earful"],
        "timezone": "utc",
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "time": {"from": "now-6M", "to": "now"},
        "templating": {"list": []},
        "panels": panels,
    }
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def _make_panel(number: int, query: dict[str, Any]) -> dict[str, Any]:
    is_series = query["panel"] == "timeseries"
    target = {
        "refId": "A",
        "datasource": SOURCE,
        "format": "time_series" if is_series else "table",
        "rawQuery": True,
        "editorMode": "code",
        "rawSql": _limit_time(query["sql"].strip(), query.get("time"), is_series=is_series),
    }
    return {
        "id": number + 1,
        "type": query["panel"],
        "title": query["title"],
        "datasource": SOURCE,
        "gridPos": {"x": 12 * (number % 2), "y": 9 * (number // 2), "w": 12, "h": 9},
        "targets": [target],
        "fieldConfig": {"defaults": {}, "overrides": []},
        "options": {},
    }


def _limit_time(sql: str, column: str | None, *, is_series: bool) -> str:
    if column is None:
        return sql
    shown = f'{column} AS "time", metric, value' if is_series else "*"
    limited = f"SELECT {shown} FROM (\n{sql}\n) AS q\nWHERE $__timeFilter({column})"  # noqa: S608
    return f"{limited}\nORDER BY {column}{'' if is_series else ' DESC'}"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    main()
