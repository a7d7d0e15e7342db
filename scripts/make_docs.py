"""Write the generated parts of the README: exports, what alerts are found, the data dictionary.

Usage: .venv/bin/python scripts/make_docs.py
"""

import re
from itertools import dropwhile, takewhile
from pathlib import Path

from nlp.alerts import WEIGHTS
from pipelines.dictionary import describe_schema, format_markdown
from pipelines.layout_table import format_layouts

README = Path(__file__).parents[1] / "README.md"


def replace_part(text: str, name: str, content: str) -> str:
    """The text with what stands between the markers of a part replaced."""
    pattern = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return pattern.sub(lambda found: found[1] + content + found[2], text)


def read_alerts() -> str:
    """The tables of topics and of languages of the alert classifier's card."""
    lines = WEIGHTS.with_suffix(".md").read_text(encoding="utf-8").splitlines(keepends=True)
    rest = dropwhile(lambda line: not line.startswith("| topic |"), lines)
    return "".join(takewhile(lambda line: line[0] in "|\n", rest)).strip() + "\n"


def main() -> None:
    """Write the README."""
    text = README.read_text(encoding="utf-8")
    text = replace_part(text, "sources", format_layouts())
    text = replace_part(text, "alerts", read_alerts())
    text = replace_part(text, "schema", format_markdown(describe_schema()))
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
