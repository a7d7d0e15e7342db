"""A change of the encoder: every theme goes on with its members, as the new vectors have them."""

from dataclasses import replace

import numpy as np

from nlp.themes.assignment import recall_members
from nlp.themes.centring import fit_centres, name_voices
from pipelines.models import Models
from pipelines.runs import Run
from pipelines.themes.events import ThemeEvent, record_events
from pipelines.themes.fit import Fit, write_fit
from pipelines.themes.members import choose_known
from pipelines.themes.pool import IN_MEMORY_ROWS, Pool, fixed_means, write_centres
from pipelines.themes.registry import read_registry, write_theme_centres


def carry_themes_over(run: Run, models: Models, pool: Pool, last: Fit) -> Fit:
    """Centre anew, and record how well the new vectors know the members of each theme again.

    :returns: the last fit, as it is in the new space.
    """
    means = fixed_means(models, pool.vectors.shape[1])
    sample = pool.take(range(min(len(pool.keys), IN_MEMORY_ROWS)))
    voices = name_voices(sample.langs, sample.registers)
    centres = fit_centres(sample.vectors[:], voices, means) if pool.keys else {}
    write_centres(run, models, centres)
    registry = read_registry(run)
    labels = registry.label_rows(pool)
    sizes = np.bincount(labels[labels >= 0], minlength=len(registry.themes))
    members = choose_known(pool)
    recalled = recall_members(members.describe(centres), means)
    events = []
    for number, theme_id in enumerate(members.theme_ids):
        if theme_id not in registry.numbers:
            continue
        detail = {
            "cause": "encoder",
            "was": last.encoder,
            "encoder": models.encoder_name,
            "n_texts": int(sizes[registry.numbers[theme_id]]),
            "recalled": round(float((recalled[members.labels == number] == number).mean()), 4),
        }
        events.append(ThemeEvent(theme_id, "matched", detail))
    record_events(run, events)
    ids = {
        row: registry.themes[label].theme_id
        for row, label in enumerate(labels.tolist())
        if label >= 0
    }
    write_theme_centres(run, models, pool, ids)
    now = replace(last, encoder=models.encoder_name)
    write_fit(run, now)
    return now
