"""Bundle what the report uses of D3 into pipelines/report/templates/vendor/d3.js.

Usage: .venv/bin/python scripts/make_d3.py      (needs npm and its registry)

The bundle is committed, so that neither building nor running earful needs npm. Versions are pinned:
the same command gives the same bytes.
"""

import json
import subprocess
import tempfile
from pathlib import Path

VENDOR = Path(__file__).parents[1] / "pipelines" / "report" / "templates" / "vendor"
PACKAGES = {
    "d3-scale": "4.0.3",
    "d3-selection": "3.0.1",
    "d3-shape": "3.2.1",
    "d3-zoom": "3.0.1",
}
BUNDLER = "esbuild@0.28.2"
USED = """
export { scaleLinear, scaleUtc } from "d3-scale";
export { select } from "d3-selection";
export { area, line } from "d3-shape";
export { zoom, zoomIdentity } from "d3-zoom";
"""


def main() -> None:
    """Install, bundle, and write the bundle with the licences of everything in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "package.json").write_text('{"private": true}')
        (folder / "used.js").write_text(USED)
        wanted = [f"{package}@{version}" for package, version in PACKAGES.items()]
        _call(folder, "npm", "install", "--silent", "--save-exact", BUNDLER, *wanted)
        options = ("--bundle", "--minify", "--format=iife", "--global-name=d3", "--target=es2020")
        _call(folder, "npx", "esbuild", "used.js", *options, "--outfile=d3.js")
        VENDOR.mkdir(exist_ok=True)
        bundle = (folder / "d3.js").read_text()
        (VENDOR / "d3.js").write_text(bundle)
        (VENDOR / "LICENSE").write_text(_read_licences(folder))
    print(f"{VENDOR / 'd3.js'}: {len(bundle) / 1000:.1f} kB")


def _call(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True)


def _read_licences(folder: Path) -> str:
    found = []
    for path in sorted(folder.glob("node_modules/*/package.json")):
        package = json.loads(path.read_text())
        licence = path.with_name("LICENSE")
        if package["name"].startswith("d3-") or package["name"] == "internmap":
            head = f"{package['name']} {package['version']} ({package['license']})"
            found.append(f"{head}\n\n{licence.read_text().strip()}\n")
    return "\n\n".join(found)


if __name__ == "__main__":
    main()
