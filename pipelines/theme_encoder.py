"""A change of the encoder: every theme goes on with its members, as the new vectors have them."""

from dataclasses import replace

import numpy as np

from nlp.themes.assignment import KnownThemes, recall_members
from nlp.themes.centring import fit_centres, name_voices
from pipelines.models import Models
from pipelines.runs import Run
from pipelines.theme_events import ThemeEvent, record_events
from pipelines.theme_fit import Fit, write_fit
from pipelines.theme_pool import Pool, fixed_means, write_centres
from pipelines.theme_registry import read_registry, write_theme_centres


def carry_themes_over(run: Run, models: Models, pool: Pool, last: Fit) -> Fit:
    """Centre anew, and record how well the new vectors know the members of each theme again.

    :returns: the last fit, as it is in the new space.
    """
    means = fixed_means(models, pool.vectors.shape[1])
    voices = name_voices(pool.langs, pool.registers)
    centres = fit_centres(pool.vectors, voices, means) if pool.keys else {}
    write_centres(run, models, centres)
    registry = read_registry(run)
    labels = registry.label_rows(pool)
    members = np.flatnonzero(labels >= 0)
    own = pool.take(members)
    known = KnownThemes(own.vectors, own.langs, labels[members], centres, own.registers)
    recalled = recall_members(known, means)
    events = []
    for number in np.unique(labels[members]).tolist():
        rows = labels[members] == number
        detail = {
            "cause": "encoder",
            "was": last.encoder,
            "encoder": models.encoder_name,
            "n_texts": int(rows.sum()),
            "recalled": round(float((recalled[rows] == number).mean()), 4),
        }
        events.append(ThemeEvent(registry.themes[number].theme_id, "matched", detail))
    record_events(run, events)
    ids = {row: registry.themes[labels[row]].theme_id for row in members.tolist()}
    write_theme_centres(run, models, pool, ids)
    now = replace(last, encoder=models.encoder_name)
    write_fit(run, now)
    return now
