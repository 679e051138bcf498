"""What the cases know of the gateway that they talk to: its keys, and the emulated vendors behind it.

Standard library only: it runs beside the clients, in their environments.
"""

import json
import os
import time
import urllib.request
from typing import Any

URL = os.environ["GATEWAY_URL"]
SPENT_KEY = os.environ["GATEWAY_SPENT_KEY"]
"""A key whose limit of requests is used up."""

WAIT_SECONDS = 20

# Never through a proxy: everything is on this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def vendor_of(model: str) -> str:
    """Return the vendor that answers for a model."""
    return "anthropic" if "claude" in model else "openai"


def add_fault(vendor: str, **fault: Any) -> None:
    """Queue a fault of a vendor (tests/emulators/faults.py)."""
    _send("POST", f"/{vendor}/_emulator/faults", fault)


def slow_down(vendor: str, *, per_frame_ms: float) -> None:
    """Delay each event of a vendor's streams."""
    _send("POST", f"/{vendor}/_emulator/latency", {"per_frame_ms": per_frame_ms})


def calls(vendor: str) -> list[dict[str, Any]]:
    """Return the requests that a vendor received in this case, oldest first."""
    found: list[dict[str, Any]] = _send("GET", f"/{vendor}/_emulator/requests")["requests"]
    return found


def has_aborted(vendor: str) -> bool:
    """Wait until the gateway has ended a call to a vendor before its end; return false when it never does."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := any(call["aborted"] for call in calls(vendor))) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def reset() -> None:
    """Forget the faults, requests and delays of all vendors."""
    _send("DELETE", "/_emulator")


def _send(method: str, path: str, body: Any = None) -> Any:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(os.environ["EMULATORS_URL"] + path, content, method=method)  # noqa: S310  # loopback
    with _OPENER.open(request, timeout=10) as response:
        return json.loads(response.read() or "null")
