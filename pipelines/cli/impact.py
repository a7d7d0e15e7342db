"""``earful themes impact``: what goes with themes, and what changed after they were fixed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from pipelines.cli.options import ConfigOption, DbOption, JsonOption, load_settings, show_examples
from pipelines.cli.show import (
    make_table,
    open_console,
    print_json,
    print_table,
    show_day,
    show_number,
    show_text,
)

N_SHOWN = 20
_Row = Mapping[str, Any]


def add_commands(app: typer.Typer) -> None:
    """Add impact."""
    app.command(
        "impact",
        epilog=show_examples(
            "earful themes impact",
            "earful themes impact --outcome churn_90 -n 0",
            "earful themes impact t0123456789ab",
        ),
    )(impact)


def impact(
    theme_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="All about this theme; else all themes.")
    ] = None,
    outcome: Annotated[
        str | None,
        typer.Option("--outcome", metavar="NAME", help="Only this one: rating, churn_90 ..."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=0, help="Themes of each outcome; 0: all.")
    ] = N_SHOWN,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what goes with themes: ratings, leaving, spend. And what changed after a fix.

    All else equal: other themes, segment, tenure, spend before, source and time.
    """
    from pipelines.errors import ConfigError
    from pipelines.impact.listing import CAVEAT, list_effects, list_fixes, list_stakes
    from pipelines.overview import show_theme
    from pipelines.store import open_store

    settings, _ = load_settings(config, db)
    with open_store(settings.store.url).read() as connection:
        if theme_id is not None and show_theme(connection, theme_id) is None:
            raise ConfigError(
                f"there is no theme {theme_id!r}; list them with: earful themes list --all"
            )
        effects = list_effects(connection, theme_id, outcome)
        if outcome is not None and not effects:
            raise ConfigError(_describe_unknown(outcome, list_effects(connection, theme_id)))
        fixes = list_fixes(connection, theme_id)
        stakes = list_stakes(connection, theme_id) if theme_id else []
    if as_json:
        found = {"caveat": CAVEAT, "effects": effects, "fixes": fixes}
        print_json({**found, "stakes": stakes} if theme_id else found)
    elif theme_id is not None:
        print_impact(open_console(), effects, stakes, fixes)
    else:
        _print_all(open_console(), effects, fixes, limit)


def print_impact(
    console: Console, effects: Sequence[_Row], stakes: Sequence[_Row], fixes: Sequence[_Row]
) -> None:
    """Print what goes with one theme."""
    from pipelines.impact.listing import CAVEAT

    if effects:
        heads = {"outcome": "id", "with the theme": "id", "95 %": "id", "q": "right"}
        table = make_table({**heads, "voices": "right", "plainly": "right?", "method": "id?"})
        for row in effects:
            if row["note"] is None:
                table.add_row(escape(row["outcome"]), *_describe(row), row["method"])
        if table.row_count:
            print_table(console, "What goes with it", table)
        for row in effects:
            if row["note"] is not None:
                console.print(f"{escape(row['outcome'])}: {_show_note(row)}", style="dim")
        for row in stakes:
            console.print(_describe_stake(row))
        console.print(CAVEAT, style="yellow")
    _print_fixes(console, fixes)


def _describe_unknown(outcome: str, effects: Sequence[_Row]) -> str:
    """That no outcome of this name was compared, and which were."""
    names = dict.fromkeys(row["outcome"] for row in effects)
    there = ", ".join(names) or "none yet; judge themes first: earful judge"
    return f"no outcome {outcome!r} was compared; there are: {there}"


def _print_all(
    console: Console, effects: Sequence[_Row], fixes: Sequence[_Row], limit: int
) -> None:
    from pipelines.impact.listing import CAVEAT

    if not effects:
        console.print("nothing can be compared yet; judge themes first: earful judge")
        return
    for outcome in dict.fromkeys(row["outcome"] for row in effects):
        rows = [row for row in effects if row["outcome"] == outcome]
        said = [row for row in rows if row["note"] is None]
        heads = {"theme": "id", "name": "left", "with it": "id", "95 %": "id", "q": "right"}
        table = make_table({**heads, "voices": "right?", "plainly": "right?", "at stake": "id?"})
        for row in said[: limit or None]:
            name = show_text(row["name"], 50)
            table.add_row(row["theme_id"], name, *_describe(row), _show_at_stake(row))
        if said:
            kept = ", ".join(said[0]["adjusted_for"])
            title = f"{outcome} ({said[0]['method']}; held equal: {kept})"
            print_table(console, title, table)
        else:
            console.print(f"\n[bold]{escape(outcome)}[/]")
        if len(said) > limit > 0:
            console.print(f"{limit:,} of {len(said):,} themes shown; all with --limit 0")
        _print_notes(console, rows)
    console.print(f"\n{CAVEAT}", style="yellow")
    _print_fixes(console, fixes)


def _print_notes(console: Console, rows: Sequence[_Row]) -> None:
    """Why nothing is said of the other themes, the most frequent reasons first."""
    notes = Counter(_show_note(row) for row in rows if row["note"] is not None)
    for note, n in notes.most_common(3):
        console.print(f"{n:,} {'theme' if n == 1 else 'themes'}: {note}", style="dim")
    if n_more := sum(sorted(notes.values())[:-3]):
        console.print(f"{n_more:,} more: see them with --json", style="dim")


def _describe(row: _Row) -> tuple[str, ...]:
    """Effect, interval, q, voices and the plain difference."""
    effect, low, high, plain = (
        show_effect(row[name], row["unit"]) for name in ("effect", "low", "high", "plain_effect")
    )
    q = "<0.001" if row["q_value"] < 0.001 else show_number(row["q_value"], 3)
    return effect, f"{low} to {high}", q, show_number(row["n_with_theme"]), plain


def show_effect(value: float | None, unit: str | None) -> str:
    """A change in its unit; pp are percentage points."""
    if value is None:
        return "–"
    if unit == "relative":
        return f"{value:+.0%}"
    if unit == "share":
        return f"{100 * value:+.1f} pp"
    return f"{value:+.2f}" if unit == "points" else f"{value:+,.2f} {escape(unit or '')}".strip()


def _show_note(row: _Row) -> str:
    """Why nothing is said; empty where something is."""
    from pipelines.impact.notes import word_note

    return escape(word_note(row["note"], row["note_values"])) if row["note"] else ""


def _show_at_stake(row: _Row) -> str:
    if row["at_stake"] is None:
        return "–"
    return f"{row['at_stake']:,.0f} {_show_unit(row, 'at_stake')}"


def _show_unit(row: _Row, name: str) -> str:
    """The currency of an amount, or that it counts customers."""
    if row["currency"]:
        return escape(row["currency"])
    return "customer" if abs(round(row[name])) == 1 else "customers"


def _describe_stake(row: _Row) -> str:
    low, lost, high = (f"{row[name]:,.0f}" for name in ("low", "at_stake", "high"))
    unit = _show_unit(row, "at_stake")
    spent = "" if row["worth"] is None else f", who spent {row['worth']:,.0f} in the year before"
    return (
        f"at stake ({escape(row['outcome'])}): {lost} {unit} ({low} to {high}) of "
        f"{row['n_customers']:,} customers{spent}"
    )


def _print_fixes(console: Console, fixes: Sequence[_Row]) -> None:
    if not fixes:
        return
    heads = {"fixed": "id", "edit": "id", "theme": "left", "outcome": "id", "change": "id"}
    table = make_table({**heads, "95 %": "id", "before, after": "right?", "note": "left?"})
    for row in fixes:
        change, low, high = (show_effect(row[n], row["unit"]) for n in ("effect", "low", "high"))
        table.add_row(
            show_day(row["fixed_at"]),
            row["edit_id"],
            show_text(row["name"] or row["theme_id"], 40),
            escape(row["outcome"]),
            change,
            "–" if row["effect"] is None else f"{low} to {high}",
            f"{row['n_before']:,}, {row['n_after']:,}",
            _show_note(row),
        )
    print_table(console, "Since it was fixed, beyond what changed for similar themes", table)
