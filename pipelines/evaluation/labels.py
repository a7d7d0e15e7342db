"""The labels of an analyst's file: what each of them means for a task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipelines.errors import ConfigError

_SHOWN = 10
_LABEL_CHARS = 40
# More kinds of labels than this are a column of something else.
_MAX_SENTIMENT_LABELS = 50


class Task(StrEnum):
    """What can be scored on labelled rows."""

    SENTIMENT = "sentiment"
    LANGUAGE = "language"
    THEMES = "themes"
    PII = "pii"
    NOISE = "noise"


@dataclass(frozen=True)
class Meanings:
    """What the labels of a column mean.

    :param by_label: by folded label (:func:`fold`); None leaves the rows of a label out.
    :param note: what a person should know about how they were read; empty when it is plain.
    """

    by_label: Mapping[str, str | None]
    note: str = ""


def fold(label: str) -> str:
    """A label as it is compared: numbers as short as they go, words without case."""
    from nlp.label_names import fold_label, fold_number

    return fold_number(label) or fold_label(label)


def parse_pairs(pairs: Sequence[str], task: Task) -> dict[str, str | None]:
    """What a person says that labels mean: ``bad=negative,good=positive``.

    :returns: meaning by folded label; None for ``label=`` and ``label=nothing``, which leave its
        rows out. Of themes ``nothing`` is a label like any other.
    :raises ConfigError: naming every pair that cannot be read.
    """
    found: dict[str, str | None] = {}
    wrong = []
    for pair in (part for text in pairs for part in text.split(",") if part.strip()):
        label, sign, meaning = pair.rpartition("=")
        is_out = not meaning.strip() or (task is not Task.THEMES and fold(meaning) == "nothing")
        known = None if is_out else _read_word(task, meaning)
        if not sign or not label.strip() or (known is None and not is_out):
            wrong.append(repr(pair.strip()))
        else:
            found[fold(label)] = known
    if wrong:
        raise ConfigError(
            f"--labels: {', '.join(wrong)} cannot be read; write LABEL=MEANING,LABEL=MEANING with "
            f"{_name_meanings(task)} as the meaning, or LABEL= to leave the label's rows out"
        )
    return found


def read_labels(
    counts: Mapping[str, int], task: Task, given: Mapping[str, str | None], column: str
) -> Meanings:
    """Decide what each label of a column means.

    :param counts: rows by label, as written.
    :param given: from :func:`parse_pairs`; goes before what is known.
    :raises ConfigError: listing the labels without a known meaning, with their rows.
    """
    from nlp.label_names import find_scale

    open_labels = [label for label in counts if fold(label) not in given]
    scale = find_scale(open_labels) if task is Task.SENTIMENT and open_labels else None
    words = scale.meanings if scale else {}
    known = {fold(label): words.get(fold(label)) or _read_word(task, label) for label in counts}
    meanings = {**known, **given}
    unknown = {
        label: n
        for label, n in counts.items()
        if meanings[fold(label)] is None and fold(label) not in given
    }
    if unknown:
        raise ConfigError(_describe_unknown(unknown, counts, task, column))
    return Meanings(meanings, scale.note if scale else "")


def _read_word(task: Task, label: str) -> str | None:
    from nlp.label_names import fold_label, read_language, sentiment_names

    if task is Task.THEMES:
        return " ".join(label.split())
    if task is Task.LANGUAGE:
        return read_language(label)
    if task is Task.NOISE:
        return _noise_names().get(fold_label(label))
    return sentiment_names().get(fold_label(label))


def _noise_names() -> dict[str, str]:
    """What labels of noise mean: noise, whatever the reason, or sound."""
    from nlp.label_names import fold_label
    from pipelines.resources import load_config

    words = load_config("evaluate.toml")["noise"]
    return {fold_label(name): kind for kind in ("noise", "sound") for name in words[kind]}


def _describe_unknown(
    unknown: Mapping[str, int], counts: Mapping[str, int], task: Task, column: str
) -> str:
    n, total = sum(unknown.values()), sum(counts.values())
    head = f"{n:,} of {total:,} rows have a label without a known meaning in column {column!r}"
    too_long = any(len(label) > _LABEL_CHARS for label in unknown)
    if too_long or (task is Task.SENTIMENT and len(counts) > _MAX_SENTIMENT_LABELS):
        return (
            f"{head}: its {len(counts):,} different values do not look like labels; name the "
            f"column of labels with --label"
        )
    ranked = sorted(unknown, key=lambda label: (-unknown[label], label))
    shown = ", ".join(f"{show_label(label)} ({unknown[label]:,})" for label in ranked[:_SHOWN])
    more = f" and {len(ranked) - _SHOWN:,} more" if len(ranked) > _SHOWN else ""
    # No meaning stands here: a guess would be copied.
    remedy = ",".join(f"{show_label(label)}=MEANING" for label in ranked[:_SHOWN])
    return (
        f"{head}: {shown}{more}. Say what they mean with --labels '{remedy}', each MEANING being "
        f"{_name_meanings(task)}, or empty (LABEL=) to leave the label's rows out"
    )


def _name_meanings(task: Task) -> str:
    if task is Task.THEMES:
        return "another label"
    if task is Task.LANGUAGE:
        return "an ISO code, an English language name or und"
    if task is Task.NOISE:
        return "noise or sound"
    return "negative, neutral or positive"


def show_label(label: str) -> str:
    """A label as it may be shown: a wrongly chosen column may hold addresses or numbers."""
    from nlp.masking import mask_text

    masked = mask_text(label).text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in masked)
