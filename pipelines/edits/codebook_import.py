"""Import a team's codebook: its categories become themes that must exist, as one run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from pipelines import tables
from pipelines.edits.codebook import read_codebook, write_codebook
from pipelines.edits.codebook_edits import Plan, export_categories, plan_import
from pipelines.edits.commands import make_edits
from pipelines.edits.requests import Drafts
from pipelines.id_batches import batch_ids
from pipelines.job import Job
from pipelines.store import open_store


@dataclass(frozen=True)
class ImportResult:
    """What a codebook changed.

    :param run_id: None where everything held already.
    :param edits: first and last edit, as ``earful themes undo`` takes them; None for none.
    :param counts: edits by action.
    :param without_examples: pinned categories that their sentence or name alone stands for.
    :param without_mentions: categories that nothing in the store speaks of, yet.
    """

    run_id: str | None
    store: str
    n_categories: int
    edits: str | None
    counts: dict[str, int]
    without_examples: Sequence[str]
    without_mentions: Sequence[str]


def import_codebook(job: Job, path: str, author: str) -> ImportResult:
    """Bring the themes of a store in line with a codebook; a second time changes nothing.

    :raises InputError: when the file cannot be read.
    :raises ConfigError: when it is no codebook, or for categories that cannot be used: nothing is
        imported then.
    """
    categories = read_codebook(path)
    plan = Plan()

    def prepare(drafts: Drafts) -> None:
        nonlocal plan
        plan = plan_import(drafts, categories)
        drafts.add(plan.edits)

    made = make_edits(job, prepare, "themes import", author, create=True)
    ids = [edit.edit_id for edit in made.edits]
    return ImportResult(
        run_id=made.run_id,
        store=made.store,
        n_categories=len(categories),
        edits="-".join(dict.fromkeys((ids[0], ids[-1]))) if ids else None,
        counts=dict(Counter(edit.action for edit in made.edits)),
        without_examples=plan.without_examples,
        without_mentions=_find_silent(job, plan.theme_ids),
    )


def export_codebook(job: Job, path: Path) -> int:
    """Write the themes of a store as a codebook.

    :returns: number of categories.
    :raises ConfigError: for an ending other than .csv and .xlsx.
    """
    with open_store(job.config.store.url).read() as connection:
        categories = export_categories(connection)
    write_codebook(path, categories)
    return len(categories)


def _find_silent(job: Job, theme_ids: Sequence[str]) -> list[str]:
    """Names of themes without a mention."""
    theme, mention = tables.theme.c, tables.mention.c
    has_mention = select(mention.theme_id).where(mention.theme_id == theme.theme_id).exists()
    found: list[str] = []
    with open_store(job.config.store.url).read() as connection:
        for batch in batch_ids(theme_ids):
            query = select(theme.name).where(
                theme.theme_id.in_(batch),
                (theme.n_mentions == 0) | (theme.n_mentions.is_(None) & ~has_mention),
            )
            found += connection.execute(query).scalars()
    return sorted(found)
