"""Requests that the tests of audio-gen share."""

from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.platform import Platform
from tests.workers.shapes import success_of

TEXT = "Hello there, this is a test. It has two sentences."


def ask(platform: Platform, *, worker: str = "audio-gen", text: str = TEXT, **fields: Any) -> httpx2.Response:
    """Send `POST /synthesize`."""
    return platform.client(worker).post("/synthesize", json={"text": text, **fields})


def fetch(
    platform: Platform, url: str, *, worker: str = "audio-gen", method: str = "GET", **headers: str
) -> httpx2.Response:
    """Fetch a stored file. Header names have `_` in place of `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return platform.client(worker).request(method, urlsplit(url).path, headers={"Accept-Encoding": "identity", **named})


def speak(platform: Platform, **fields: Any) -> dict[str, Any]:
    """Return the body of a success."""
    return success_of(ask(platform, **fields))
