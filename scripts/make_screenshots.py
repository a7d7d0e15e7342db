"""Take the README's screenshots of the report, into scripts/screenshots.

Usage: .venv/bin/python scripts/make_screenshots.py [--db sqlite:///demo-output/earful.db]

Needs Chromium, and the store that scripts/demo makes. Run it after the page has changed.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from pipelines.report.page import write_report
from pipelines.store import open_store

FOLDER = Path(__file__).parent / "screenshots"
# Name, address of the page, the element to begin with, look.
SHOTS = (
    ("report-top", "", "", "light"),
    ("report-map-hebrew", "ui=he", "#map", "dark"),
)
SIZE = {"width": 1200, "height": 860}
MAX_BYTES = 200_000


def main() -> None:
    """Write the report of a store, and take each screenshot."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--db", default="sqlite:///demo-output/earful.db")
    store = open_store(parser.parse_args().db)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report = Path(folder) / "report.html"
        with store.read() as connection:
            write_report(connection, report)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, address, element, look in SHOTS:
            page = browser.new_page(viewport=SIZE)
            page.emulate_media(color_scheme=look)
            page.goto(f"{report.as_uri()}#{address}")
            page.locator("html[data-ready]").wait_for(state="attached")
            if element:
                page.locator(element).evaluate("element => element.scrollIntoView()")
            path = FOLDER / f"{name}.png"
            page.screenshot(path=path)
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
            if path.stat().st_size > MAX_BYTES:
                raise SystemExit(f"{path} is larger than {MAX_BYTES / 1000:.0f} kB")
        browser.close()
    store.engine.dispose()


if __name__ == "__main__":
    main()
