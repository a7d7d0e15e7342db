"""One spelling for each key, and hashes that tell nothing."""

import stat
from pathlib import Path

import pytest

from pipelines.errors import ConfigError
from pipelines.keys import hash_keys, normalize_key
from pipelines.secret import SECRET_VARIABLE, fingerprint_secret, hash_key, load_secret

SECRET = b"a secret for tests, long enough"


@pytest.mark.parametrize(
    ("kind", "value", "region", "expected"),
    [
        ("email", " Dana.Levi@Example.COM ", None, "dana.levi@example.com"),
        ("email", "ＤＡＮＡ@example.com", None, "dana@example.com"),
        ("email", "not an address", None, None),
        ("email", "a@b", None, None),
        ("email", "Dana.Levi+shop@GoogleMail.com", None, "danalevi@gmail.com"),
        ("email", "dana.levi+shop@outlook.com", None, "dana.levi@outlook.com"),
        ("email", "dana.levi+shop@example.com", None, "dana.levi+shop@example.com"),
        ("email", "a..b@example.com", None, None),
        ("email", "a@example.local", None, None),
        ("email", "MÜller@exämple.de", None, "müller@exämple.de"),
        ("phone", "(202) 555-0123", "US", "+12025550123"),
        ("phone", "+1 202 555 0123", None, "+12025550123"),
        ("phone", "050-123-4567", "IL", "+972501234567"),
        ("phone", "٠٥٠١٢٣٤٥٦٧", "SA", "+966501234567"),
        ("phone", "۰۹۱۲۳۴۵۶۷۸۹", "IR", "+989123456789"),
        ("phone", "۰۰۹۸۹۱۲۳۴۵۶۷۸۹", "US", "+989123456789"),
        ("phone", "00 972 50-123-4567", None, "+972501234567"),
        ("phone", "12", "US", None),
        ("phone", "call me", "US", None),
        ("handle", "@Dana_L", None, "dana_l"),
        ("handle", "@", None, None),
        ("handle", "https://twitter.com/Dana_L", None, "dana_l"),
        ("handle", "https://www.x.com/dana_l/", None, "dana_l"),
        ("handle", "x.com/dana_l?s=20", None, "dana_l"),
        ("handle", "http://instagram.com/dana.l", None, "dana.l"),
        ("handle", "https://m.facebook.com/dana.l", None, "dana.l"),
        ("handle", "https://t.me/dana_l", None, "dana_l"),
        ("handle", "https://www.tiktok.com/@dana_l", None, "dana_l"),
        ("handle", "https://www.linkedin.com/in/dana-l/", None, "dana-l"),
        ("handle", "https://x.com/dana_l/status/1", None, None),
        ("handle", "https://www.instagram.com/p/Cxyz/", None, None),
        ("handle", "https://twitter.com/search", None, None),
        ("handle", "https://twitter.com/", None, None),
        ("handle", "https://www.linkedin.com/company/acme", None, None),
        ("handle", "https://example.org/dana_l", None, "https://example.org/dana_l"),
        ("customer_id", " C-007 ", None, "c-007"),
        ("customer_id", "007", None, "007"),
        ("customer_id", "   ", None, None),
        ("customer_id", "٠٠٧", None, "007"),
        ("customer_number", "007", None, "7"),
        ("customer_number", "7.0", None, "7"),
        ("customer_number", "۷", None, "7"),
        ("customer_number", "C-7", None, None),
        ("order", "#١٠٠١", None, "1001"),
        ("order", "pending", None, None),
    ],
)
def test_a_key_has_one_spelling(
    kind: str, value: str, region: str | None, expected: str | None
) -> None:
    assert normalize_key(kind, value, region) == expected


def test_equal_values_of_different_kinds_have_different_hashes() -> None:
    assert hash_key(SECRET, "email", "x") != hash_key(SECRET, "handle", "x")
    assert hash_key(SECRET, "email", "x") != hash_key(b"another secret, also long", "email", "x")


def test_a_handle_and_the_addresses_of_its_profile_have_one_hash() -> None:
    spellings = ("@dana_l", "Dana_L", "https://twitter.com/dana_l", "x.com/dana_l", "t.me/dana_l")
    assert len({hash_keys(SECRET, {"handle": each})["handle"] for each in spellings}) == 1


def test_only_usable_keys_are_hashed_in_order_of_trust() -> None:
    keys = hash_keys(SECRET, {"handle": "@x", "email": "no", "phone": None, "customer_id": "7"})
    assert list(keys) == ["customer_id", "handle"]
    numbered = hash_keys(SECRET, {"customer_number": "007.0", "order": "#1"})
    assert list(numbered) == ["order", "customer_number"]


def test_a_secret_is_made_once_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config" / "secret"
    secret = load_secret(path)
    assert len(secret) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_secret(path) == secret


def test_the_environment_comes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, "from the environment")
    assert load_secret(tmp_path / "secret") == b"from the environment"
    assert not (tmp_path / "secret").exists()


def test_a_short_secret_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, "short")
    with pytest.raises(ConfigError, match="at least 16"):
        load_secret(tmp_path / "secret")


def test_a_secret_that_others_can_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    path.write_text("a secret that is long enough")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_secret(path)


def test_the_fingerprint_differs_by_secret_and_is_not_the_secret() -> None:
    assert fingerprint_secret(SECRET) != fingerprint_secret(SECRET + b"!")
    assert SECRET.hex() not in fingerprint_secret(SECRET)
