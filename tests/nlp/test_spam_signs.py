import tomllib
from itertools import pairwise
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from nlp import spam_signs
from nlp.spam_signs import find_signs, fold_signs, sign_names
from scripts.make_sign_needs import TARGET, derive_needs, format_needs

SIGNS = tomllib.loads((TARGET.parent / "spam_signs.toml").read_text(encoding="utf-8"))["signs"]
FRAMES = Path(__file__).parents[2] / "scripts" / "noise_parts"
# What the frames and the patterns are made of, so that signs are met, whole and nearly.
PIECES = st.one_of(
    st.sampled_from(
        sorted({word for needs in map(derive_needs, SIGNS.values()) for word in needs})
    ),
    st.sampled_from(
        [".", "!", "£", "5", "08712345678", "FREE", "TXT WIN", "\n", "\u200c", "ı", "İ"]
    ),
    st.sampled_from(
        ["<URL>", "<PHONE>", "to", "my", "me", "a", "s", "@", "/", "-", "ſ", "K", "0٣"]
    ),
    st.text(max_size=3),
)
TEXTS = st.lists(st.tuples(PIECES, st.sampled_from(["", " ", "  "])), max_size=12).map(
    lambda pairs: "".join(piece + gap for piece, gap in pairs)
)


def search_all(text: str) -> list[float]:
    """Every pattern on every text, as a reader of `spam_signs.toml` would."""
    text = text[:600]
    return [
        float(pattern.search(text.lower() if is_lower else text) is not None)
        for pattern, is_lower in spam_signs._patterns()
    ]


@given(TEXTS)
@settings(max_examples=300)
@example("TXT WIN to 80085")
@example("FREE STUFF CLICK HERE NOW!")
@example("İ FREE ſub 4 ſub")
def test_a_sign_is_found_exactly_where_its_pattern_is(text: str) -> None:
    assert find_signs(text)[: len(SIGNS)] == search_all(text)


def test_who_follows_a_parcel_invites_nobody() -> None:
    at = sign_names().index("follow")
    sound = ["עקבו אחרי המשלוח - לא זז", "تابعوا الطلب ولم يصل"]
    assert [find_signs(text)[at] for text in sound] == [0, 0]
    assert all(find_signs(text)[at] for text in ("עקבו אחרינו", "תעקבו אחריי", "تابعونا"))


def test_every_sign_of_the_written_adverts_is_found() -> None:
    """Two lines together, since a sign may lie across them."""
    found = set[str]()
    for path in sorted(FRAMES.glob("spam_*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for one, other in pairwise(lines):
            signs = find_signs(f"{one} {other}")[: len(SIGNS)]
            assert signs == search_all(f"{one} {other}")
            found.update(name for name, sign in zip(sign_names(), signs, strict=False) if sign)
    assert len(found) > 30


def test_what_signs_need_is_made_of_the_patterns_as_they_are() -> None:
    assert TARGET.read_text(encoding="utf-8") == format_needs(), "run scripts/make_sign_needs.py"


def test_needs_stand_at_the_edges_of_words() -> None:
    assert derive_needs(r"\b(?:dj|rap)s?\b") == {" dj ", " djs ", " rap ", " raps "}
    assert derive_needs(r"\d+ ?%|\w*") is None
    assert derive_needs(r"[£$]\s?\d{2}") == {" £ 00", " £  00", " $ 00", " $  00"}


@given(st.text(), st.text())
@settings(max_examples=50)
def test_folding_joins_as_its_parts_do(one: str, other: str) -> None:
    """Of capitals "Σ" alone is lowered by its place in the word; no pattern holds it."""
    one, other = one.replace("Σ", ""), other.replace("Σ", "")
    assert fold_signs(one + other) == fold_signs(one) + fold_signs(other)
