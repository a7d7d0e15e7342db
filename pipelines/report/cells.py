"""The counts that the page's filters show, as the JSON that its script reads.

A cube is a list of cells `[source, lang, n, n, ...]`: positions in the lists of sources and
languages (-1 for all), then the counts in the order that the template's `data-n` refers to.
"""

from collections import Counter
from collections.abc import Mapping
from operator import itemgetter

from pipelines.report.display import show_dates, write_json
from pipelines.report.facts import ReportFacts
from pipelines.report.group_facts import GroupFacts
from pipelines.report.tallies import CountCube, FeedbackTally, MentionTally, Slice
from pipelines.report.theme_facts import ThemeFacts

Cell = list[int | str]


def write_cells(facts: ReportFacts) -> str:
    """Write every cube as JSON that can stand inside a script element."""
    slices = facts.feedback.keys() | facts.mentions.keys()
    counts = {"feedback": {s: feedback_cell(facts, s) for s in slices}}
    for number, theme in enumerate(facts.themes):
        counts[f"theme-{number}"] = {s: theme_cell(theme, s) for s in theme.mentions}
    for number, group in enumerate(facts.groups):
        counts[f"group-{number}"] = {s: theme_cell(group, s) for s in group.mentions}
    by_reason = {"noise": facts.noise, "unassigned": facts.unassigned, "rejected": facts.rejected}
    for kind, reasons in by_reason.items():
        counts[kind] = _sum_counts(reasons)
        for number, cube in enumerate(reasons.values()):
            counts[f"{kind}-{number}"] = {s: [n] for s, n in cube.items()}
    cubes = {name: _place(cube, facts) for name, cube in counts.items()}
    return write_json({"cubes": cubes})


def feedback_cell(facts: ReportFacts, a_slice: Slice) -> Cell:
    """Feedback, noise, linked, negative, neutral, positive, unrated, assigned, range of dates."""
    tally = facts.feedback.get(a_slice, FeedbackTally())
    mentions = facts.mentions.get(a_slice, MentionTally())
    assigned = facts.assigned.get(a_slice, MentionTally())
    return [
        tally.n_feedback,
        tally.n_noise,
        tally.n_linked,
        *_by_sentiment(mentions),
        assigned.n_mentions,
        show_dates(tally.first_at, tally.last_at),
    ]


def theme_cell(theme: ThemeFacts | GroupFacts, a_slice: Slice) -> Cell:
    """Negative, neutral, positive, unrated, voices: of a theme or of a group."""
    mentions = theme.mentions.get(a_slice, MentionTally())
    return [*_by_sentiment(mentions), theme.voices.get(a_slice, 0)]


def _place(counts: Mapping[Slice, Cell], facts: ReportFacts) -> list[Cell]:
    sources = {None: -1} | {source: place for place, source in enumerate(facts.sources)}
    langs = {None: -1} | {lang: place for place, lang in enumerate(facts.langs)}
    placed: list[Cell] = [
        [sources[s.source], langs[s.lang], *cell]
        for s, cell in counts.items()
        if s.source in sources and s.lang in langs
    ]
    return sorted(placed, key=itemgetter(0, 1))


def _by_sentiment(tally: MentionTally) -> Cell:
    return [tally.n_negative, tally.n_neutral, tally.n_positive, tally.n_unrated]


def _sum_counts(reasons: Mapping[str, CountCube]) -> dict[Slice, Cell]:
    total: Counter[Slice] = Counter()
    for cube in reasons.values():
        total.update(cube)
    return {a_slice: [n] for a_slice, n in total.items()}
