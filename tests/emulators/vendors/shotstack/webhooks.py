"""Shotstack's callbacks: unsigned POSTs, repeated until the response is 2xx or 3xx.

Source: https://shotstack.io/docs/guide/architecting-an-application/webhooks. A finished render is announced twice, as
the render and as its copy on the CDN. The pauses between the ten attempts are a hundredth of the vendor's.
"""

import time
from collections.abc import Sequence
from threading import Thread
from typing import Any

import httpx2

from .assets import AssetError, check_host

_ATTEMPTS = 10
_TIMEOUT_SECONDS = 10


def notify(callback: str, bodies: Sequence[dict[str, Any]]) -> None:
    """Post the bodies one after the other, in the background."""
    Thread(target=_deliver, args=[callback, bodies], name="shotstack-webhook", daemon=True).start()


def _deliver(callback: str, bodies: Sequence[dict[str, Any]]) -> None:
    try:
        check_host(callback)
    except AssetError:
        return
    with httpx2.Client(timeout=_TIMEOUT_SECONDS, trust_env=False) as http:
        for body in bodies:
            for attempt in range(1, _ATTEMPTS + 1):
                if _post(http, callback, body):
                    break
                # The vendor waits 8, 27, 64 … seconds.
                time.sleep((attempt + 1) ** 3 / 100)


def _post(http: httpx2.Client, callback: str, body: dict[str, Any]) -> bool:
    try:
        return http.post(callback, json=body).status_code < 400
    except httpx2.HTTPError:
        return False
