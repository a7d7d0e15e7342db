"""Write what earful is made of as a CycloneDX 1.6 file: every package of a lock, with its hashes.

Usage: python scripts/make_sbom.py [LOCK] > sbom.json   (requirements.lock unless another is named)
Torch is installed first and alone, so that it stands in scripts/torch-version and not in the lock.
"""

import json
import re
import sys
import tomllib
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_ENTRY = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def read_lock(text: str) -> dict[str, tuple[str, list[str]]]:
    """Version and hashes of each package of a lock.

    :raises ValueError: for a package without any hash.
    """
    found: dict[str, tuple[str, list[str]]] = {}
    for entry in re.split(r"\n(?=[A-Za-z0-9])", text):
        if match := _ENTRY.match(entry):
            name, version = match[1].lower().replace("_", "-"), match[2]
            hashes = _HASH.findall(entry)
            if not hashes:
                raise ValueError(f"{name} has no hash in the lock")
            found[name] = (version, sorted(hashes))
    return found


def make_sbom(lock: Path) -> dict[str, Any]:
    """The file as an object: the same for the same lock."""
    text = lock.read_text(encoding="utf-8")
    packages = read_lock(text)
    packages["torch"] = ((ROOT / "scripts" / "torch-version").read_text().strip(), [])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = _describe(project["name"], project["version"], [])
    parts = [_describe(name, *packages[name]) for name in sorted(packages)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, text)}",
        "version": 1,
        "metadata": {"component": {**own, "type": "application", "licenses": [_LICENSE]}},
        "components": parts,
    }


_LICENSE = {"license": {"id": "Apache-2.0"}}


def _describe(name: str, version: str, hashes: list[str]) -> dict[str, Any]:
    """A component; the hashes are of its files, one of which is installed."""
    reference = f"pkg:pypi/{name}@{version}"
    kept = {"name": name, "version": version, "purl": reference, "bom-ref": reference}
    files = [{"alg": "SHA-256", "content": each} for each in hashes]
    return {"type": "library", **kept, **({"hashes": files} if files else {})}


def main() -> None:
    """Print the file."""
    name = sys.argv[1] if len(sys.argv) > 1 else "requirements.lock"
    json.dump(make_sbom(ROOT / name), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
