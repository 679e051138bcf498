"""The reference in a real browser: every route is shown, an example runs, and nothing is loaded from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.apps import load_apps
from tests.browser import PROGRAM, open_page
from tests.platform import Platform

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium: apt install chromium"),
]

BLOCK = "document.querySelector('.opblock-post [data-path=\"/generate\"]')?.closest('.opblock')"


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)], ids=["phone", "desktop"])
@pytest.mark.parametrize("worker", sorted(load_apps()))
def test_reference_shows_every_route(platform: Platform, tmp_path: Path, worker: str, width: int, height: int) -> None:
    base = platform.urls[worker]
    with open_page(tmp_path / "profile") as page:
        page.open(f"{base}/docs", width=width, height=height)
        page.wait_for("document.querySelectorAll('.opblock').length > 0")
        shown = page.evaluate("document.querySelectorAll('.opblock').length")
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        page.screenshot(tmp_path / f"{worker}-{width}.png")

    assert shown == len(load_apps()[worker].routes)
    assert overflow <= 0
    assert page.problems == []
    assert [url for url in page.requests if not url.startswith((base, "data:"))] == []
    assert (tmp_path / f"{worker}-{width}.png").stat().st_size > 10_000


def test_example_runs_from_the_page(platform: Platform, tmp_path: Path) -> None:
    with open_page(tmp_path / "profile") as page:
        page.open(f"{platform.urls['text-gen']}/docs", width=1280, height=900)
        page.wait_for(f"!!{BLOCK}")
        page.evaluate(f"{BLOCK}.querySelector('.opblock-summary-control').click()")
        page.wait_for(f"!!{BLOCK}.querySelector('button.execute')")
        page.evaluate(f"{BLOCK}.querySelector('button.execute').click()")
        # The first request to the worker starts the rate limiter too.
        status = page.wait_for(
            f"{BLOCK}.querySelector('.live-responses-table tbody .response-col_status')?.textContent.trim()",
            seconds=60,
        )
        page.screenshot(tmp_path / "executed.png")

    assert status.startswith("200")
    assert page.problems == []
