"""What ``earful report --verify`` prints."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipelines.cli.options import load_settings

if TYPE_CHECKING:
    from pipelines.stories.verifying import Problem, Verification

_MAX_SHOWN = 50
_KINDS = {
    "number": "is another number now",
    "quote": "quotes words that are others now",
    "consent": "quotes somebody who does not allow it (any more)",
    "gone": "is about something that is not there any more",
    "text": "does not say what its facts say",
    "page": "is not what the store says",
}


def check_report(path: Path, config: Path | None, db: str | None, *, as_json: bool) -> None:
    """Check a page, print what does not hold, and end with 1 where something does not."""
    from pipelines.cli.show import print_json
    from pipelines.report.verifying import verify_report
    from pipelines.store import open_store
    from pipelines.stories.verifying import describe_verification

    settings, _ = load_settings(config, db)
    with open_store(settings.store.url).read() as connection:
        found = verify_report(connection, path)
    print_json(describe_verification(found)) if as_json else _print(path, found)
    if not found.holds:
        raise typer.Exit(1)


def _print(path: Path, found: "Verification") -> None:
    from pipelines.cli.show import open_console, print_lines

    console = open_console()
    n = f"{found.n_sentences:,} sentences, {found.n_facts:,} facts, {found.n_quotes:,} quotes"
    print_lines(console, [f"{path}: {n} checked", *_describe_state(found)])
    print_lines(console, found.notes, "yellow")
    print_lines(console, map(_describe, found.problems[:_MAX_SHOWN]), "red")
    if len(found.problems) > _MAX_SHOWN:
        print_lines(console, [f"and {len(found.problems) - _MAX_SHOWN:,} more; all with --json"])
    if found.holds:
        print_lines(console, ["all of it holds"], "green")
    elif not found.problems:
        print_lines(console, ["its claims still hold; what else is on the page was not compared"])
    if not found.holds:
        print_lines(console, ["write it anew with: earful report -o FILE"])


def _describe_state(found: "Verification") -> list[str]:
    from pipelines.stories.claims import show_moment

    if found.is_other_store:
        return ["it is a report of another store"]
    if not found.is_moved:
        return []
    told, now = found.told_of, found.now
    then = f"run {told.run_id} ({show_moment(told.run_at)})"
    since = f"run {now.run_id} ({show_moment(now.run_at)})"
    return [f"the store moved on: this is a report of {then}, the store is now at {since}"]


def _describe(problem: "Problem") -> str:
    fact = f" [{problem.fact}]" if problem.fact else ""
    told = ""
    if problem.claimed is not None or problem.found is not None:
        how = f" ({problem.source})" if problem.source else ""
        told = f": the report says {problem.claimed}, the store {problem.found}{how}"
    return f"{problem.where} {_KINDS[problem.kind]}{told}{fact}"
