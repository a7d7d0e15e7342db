"""What follows from mentions: verdicts, effects, what deserves attention, insight."""

from collections.abc import Collection

from pipelines.attention.settings import read_attention_settings
from pipelines.attention.step import rank_themes
from pipelines.config import Config
from pipelines.customer_rows import read_row_settings
from pipelines.impact.step import compare_outcomes
from pipelines.judging.periods import judge_periods
from pipelines.publish import publish_insights
from pipelines.runs import Run


def conclude(run: Run, config: Config | None = None, themes: Collection[str] | None = None) -> int:
    """Bring everything that is told of mentions up to date, in the order in which it builds up.

    :param config: None for the settings of the last time; no action is raised then.
    :param themes: those whose mentions may have changed; None for all.
    :returns: number of rows that were written; 0 when nothing had changed.
    """
    settings = None if config is None else read_row_settings(config)
    k = None if config is None else config.anonymity.min_customers
    written = judge_periods(run, themes, k)
    written += compare_outcomes(run, settings, k)
    written += rank_themes(run, None if config is None else read_attention_settings(config))
    rules = None if config is None else config.rules
    return written + publish_insights(run, themes, settings, rules)
