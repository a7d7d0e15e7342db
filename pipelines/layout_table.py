"""The table of known exports for people, made from the layouts."""

from collections.abc import Sequence

from pipelines.reading.layouts import Layout, load_layouts


def format_layouts(layouts: Sequence[Layout] | None = None) -> str:
    """The known exports as a Markdown table, by what they hold."""
    known = load_layouts() if layouts is None else layouts
    lines = ["| file of | as exported by | holds | party |", "|---|---|---|---|"]
    for layout in sorted(known, key=lambda each: (each.kind != "feedback", each.name.casefold())):
        holds = layout.kind if layout.kind != "feedback" else f"feedback: {layout.channel}"
        cells = (layout.name, layout.export, holds, f"{layout.party}, {layout.stated}")
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"
