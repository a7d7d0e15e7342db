"""Why a mention has its theme, or none: who decided, what speaks for it, what came second.

The decision is told as it was made; the comparison with other mentions is made anew, with the
themes as they are now.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from nlp.themes.centring import (
    LanguageMeans,
    fit_centres,
    name_voices,
    voice_of,
)
from nlp.themes.confidence import ASSIGNED_STRENGTH, SHARE_WEIGHT
from nlp.themes.content import count_words
from nlp.themes.context import find_neighbourhoods
from nlp.themes.explanation import Explanation, explain_assignment
from nlp.weights import DEFAULT, encoder_name
from pipelines import tables
from pipelines.errors import ConfigError
from pipelines.rights.gate import allows
from pipelines.themes.members import choose_known
from pipelines.themes.pool import Pool, find_centres, find_encoder, means_of, read_pool
from pipelines.themes.why_facts import Decision, NearMention, Rival, ThemeRef, Why


def explain_mention(connection: Connection, mention_id: str) -> Why:
    """Say why a mention has its theme, or none.

    :raises ConfigError: when there is no such mention.
    """
    row = _read_mention(connection, mention_id)
    themes = _read_themes(connection)
    compared = _compare(connection, mention_id)
    rivals = compared.name_rivals(themes) if compared else ()
    found = themes.get(row["nearest_theme_id"])
    seen_as = themes.get(found.theme_id if found else None, follow=True)
    others = [each.seen_as for each in rivals if seen_as and each.seen_as != seen_as]
    return Why(
        mention_id=mention_id,
        feedback_id=row["feedback_id"],
        text=row["text"],
        lang=row["lang"] or "und",
        theme=themes.get(row["theme_id"]),
        unassigned_reason=row["unassigned_reason"],
        decided=_find_decision(connection, row, themes),
        found=found,
        found_reason=row["found_reason"],
        strength=row["theme_strength"],
        threshold=ASSIGNED_STRENGTH,
        read_with=_list_context(connection, row),
        rivals=rivals,
        runner_up=others[0] if others else None,
        nearest=compared.list_nearest(connection, themes) if compared else (),
        needs=_describe_needs(row, rivals, compared.explanation if compared else None),
    )


class _Themes:
    """Every theme by its id."""

    def __init__(self, rows: Iterable[RowMapping]) -> None:
        self._rows = {row["theme_id"]: row for row in rows}

    def get(self, theme_id: str | None, *, follow: bool = False) -> ThemeRef | None:
        """A theme, or where it was merged to."""
        row = self._rows.get(theme_id)
        if row is not None and follow and row["merged_into"]:
            row = self._rows.get(row["merged_into"], row)
        return ThemeRef(row["theme_id"], row["name"], row["status"]) if row else None

    def is_born_in(self, theme_id: str | None, run_id: str) -> bool:
        row = self._rows.get(theme_id)
        return row is not None and row["created_run"] == run_id


def _read_themes(connection: Connection) -> _Themes:
    theme = tables.theme.c
    names = ("theme_id", "name", "status", "merged_into", "created_run")
    return _Themes(connection.execute(select(*(theme[name] for name in names))).mappings().all())


def _read_mention(connection: Connection, mention_id: str) -> RowMapping:
    feedback = tables.feedback.c
    query = (
        select(tables.mention, feedback.noise_reason, feedback.noise_score)
        .join(tables.feedback, feedback.feedback_id == tables.mention.c.feedback_id)
        .where(tables.mention.c.mention_id == mention_id, allows(connection, "quoting"))
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise ConfigError(
            f"there is no mention {mention_id!r} that may be shown; ids of a theme's mentions "
            "are shown by: earful themes show THEME_ID --mentions 20"
        )
    return row


def _list_context(connection: Connection, row: RowMapping) -> tuple[str, ...]:
    mention = tables.mention.c
    query = select(mention.mention_id).where(mention.feedback_id == row["feedback_id"])
    ids = connection.execute(query.order_by(mention.position)).scalars().all()
    own = ids.index(row["mention_id"])
    near = find_neighbourhoods([row["feedback_id"]] * len(ids))[own]
    return tuple(ids[place] for place in near if place != own)


def _find_decision(connection: Connection, row: RowMapping, themes: _Themes) -> Decision:
    edit, run = tables.theme_edit.c, tables.run.c
    if row["edit_id"]:
        query = select(edit.at, edit.author, edit.action, edit.payload)
        found = connection.execute(query.where(edit.edit_id == row["edit_id"])).one()
        return Decision("edit", row["edit_id"], *found)
    if not row["found_run"]:
        return Decision("nobody")
    asked = select(run.started_at, run.command).where(run.run_id == row["found_run"])
    at, command = connection.execute(asked).one()
    is_birth = row["found_reason"] is None and themes.is_born_in(
        row["nearest_theme_id"], row["found_run"]
    )
    return Decision("run", row["found_run"], at, what=command, is_birth=is_birth)


@dataclass(frozen=True)
class _Compared:
    """An explanation, and what its numbers stand for."""

    explanation: Explanation
    known: Pool
    theme_ids: list[str]

    def name_rivals(self, themes: _Themes) -> tuple[Rival, ...]:
        return tuple(
            Rival(
                theme=theme,
                seen_as=themes.get(theme.theme_id, follow=True) or theme,
                **{name: getattr(each, name) for name in _RIVAL_FACTS},
            )
            for each in self.explanation.candidates
            if (theme := themes.get(self.theme_ids[each.label]))
        )

    def list_nearest(self, connection: Connection, themes: _Themes) -> tuple[NearMention, ...]:
        mention = tables.mention.c
        ids = [self.known.mentions[each.row][0] for each in self.explanation.nearest]
        query = (
            select(mention.mention_id, mention.theme_id)
            .join(tables.feedback, tables.feedback.c.feedback_id == mention.feedback_id)
            .where(mention.mention_id.in_(ids), allows(connection, "quoting"))
        )
        seen_in = {row.mention_id: row.theme_id for row in connection.execute(query)}
        return tuple(
            NearMention(
                mention_id=mention_id,
                text=self.known.quotes[each.row],
                likeness=each.likeness,
                words=each.words,
                theme=themes.get(seen_in[mention_id]),
            )
            for mention_id, each in zip(ids, self.explanation.nearest, strict=True)
            if mention_id in seen_in
        )


_RIVAL_FACTS = ("n_votes", "share", "closeness", "strength", "words")


def _compare(connection: Connection, mention_id: str) -> _Compared | None:
    """Compare a mention with the members of all themes, as found, itself left out.

    :returns: None for a mention that is not compared: noise, or one without a vector.
    """
    encoder = find_encoder(connection)
    pool = read_pool(connection, encoder)
    own = next((row for row, alike in enumerate(pool.mentions) if mention_id in alike), None)
    if own is None:
        return None
    members = choose_known(pool, without={own})
    dim = pool.vectors.shape[1]
    means = means_of(is_default_encoder=encoder == encoder_name(DEFAULT), dim=dim)
    centres = find_centres(connection, encoder) or _fit_centres(members.pool, means)
    asked = pool.take([own])
    explanation = explain_assignment(
        asked.texts[0],
        asked.vectors[:][0],
        voice_of(asked.langs[0], asked.registers[0]),
        members.describe(centres),
        members.pool.texts,
        means=means,
    )
    return _Compared(explanation, members.pool, members.theme_ids) if explanation else None


def _fit_centres(pool: Pool, means: LanguageMeans) -> dict[str, Any]:
    return fit_centres(pool.vectors[:], name_voices(pool.langs, pool.registers), means)


def _describe_needs(
    row: RowMapping, rivals: Sequence[Rival], explanation: Explanation | None
) -> str:
    """What it would have taken to belong to a theme; empty for a mention that was found to."""
    reason = row["found_reason"]
    if reason is None:
        return "" if row["nearest_theme_id"] else "no run has decided yet: earful discover"
    if reason == "noise":
        score = row["noise_score"]
        sure = "" if score is None else f" (score {score:.2f})"
        return f"other feedback: this is set aside as {row['noise_reason']}{sure}"
    if reason == "no_content":
        return "at least one word: it holds only placeholders, links, handles, digits or signs"
    if explanation is None or not rivals:
        return "a theme: there was none to compare it with"
    return _describe_lack(row["text"], reason, rivals, explanation)


def _describe_lack(
    text: str, reason: str, rivals: Sequence[Rival], explanation: Explanation
) -> str:
    best, lacking = rivals[0], explanation.lacking
    if not lacking:
        return (
            f"nothing more by the themes as they are now: with {best.theme.name!r} its strength is "
            f"{best.strength:.2f}. What a run has decided stays; a person can move it"
        )
    if reason == "between_themes":
        gained = SHARE_WEIGHT * (1 - best.share)
        verdict = "would do" if gained >= lacking else f"would not do: {lacking:.2f} are lacking"
        return (
            f"neighbours that agree: {best.n_votes} of the nearest {explanation.n_asked} are in "
            f"{best.theme.name!r}; all of them there ({gained:+.2f} confidence) {verdict}"
        )
    needed = (
        f"{lacking:.2f} more of likeness to its nearest mentions ({explanation.likeness:.2f}) and "
        f"to the centre of {best.theme.name!r} ({best.closeness:.2f}) together"
    )
    if reason == "too_short":
        n_words = count_words(text)
        return f"more to go by than {n_words} {'word' if n_words == 1 else 'words'}, or {needed}"
    if reason == "language_unknown":
        return f"a language that can be told, or {needed}"
    return needed
