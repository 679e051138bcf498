"""The Workers that tests deploy to the emulated Cloudflare, each of which is a process of its own."""

import json
import urllib.request
from collections.abc import Iterable
from typing import Any

import local
from tests.clients.workers_api import ACCOUNT
from tests.emulators.process import Emulators

ACCOUNTS = (ACCOUNT, local.EMULATED_CREDENTIALS["cloudflare"]["CLOUDFLARE_ACCOUNT_ID"])


def delete_deployed_workers(emulators: Emulators, *, accounts: Iterable[str] = ACCOUNTS) -> None:
    """End and forget all Workers of the accounts, whatever fault is queued."""
    emulators.reset()
    for account in accounts:
        path = f"/accounts/{account}/workers/scripts"
        for script in _call(emulators, "GET", path):
            _call(emulators, "DELETE", f"{path}/{script['id']}")


def _call(emulators: Emulators, method: str, path: str) -> Any:
    # The standard library's client, because the others load certificates first, which takes longer than the calls.
    request = urllib.request.Request(  # noqa: S310  # on loopback
        f"{emulators.url_of('cloudflare')}{path}", method=method, headers={"Authorization": "Bearer any"}
    )
    with urllib.request.urlopen(request) as response:  # noqa: S310
        return json.load(response)["result"]
