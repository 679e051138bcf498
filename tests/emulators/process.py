"""The emulators as a process of their own, as users run them, and their control routes as methods.

with start_emulators() as emulators:
    client = anthropic.Anthropic(base_url=emulators.url_of("anthropic"), api_key="any")
    emulators.add_fault("anthropic", kind="status", status=429, retry_after=0.01)
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx2

_ROOT = Path(__file__).parents[2]


class Emulators:
    """The running emulators: their URLs, their data on disk, their faults, recorded requests and latency."""

    def __init__(self, url: str, base_urls: dict[str, str], state: Path) -> None:
        self.url = url
        self.base_urls = base_urls
        self.state = state
        self._http = httpx2.Client(base_url=url, trust_env=False)

    def url_of(self, vendor: str) -> str:
        """Return the vendor's base URL in the form that its SDK takes: `…/anthropic`, `…/openai/v1`."""
        return self.base_urls[vendor]

    def repository(self, full_name: str) -> Path:
        """Return the path of the bare git repository behind `owner/name` of the GitHub emulator."""
        return self.state / "github" / f"{full_name}.git"

    def add_fault(
        self,
        vendor: str,
        *,
        kind: str,
        prompt_contains: str | None = None,
        method: str | None = None,
        path_contains: str = "",
        **fields: Any,
    ) -> None:
        """Queue a fault of the table in `faults.py`, for the requests that contain the text and have such a path."""
        match = {"prompt_contains": prompt_contains, "method": method, "path_contains": path_contains}
        fault = {"kind": kind, "match": match, **fields}
        self._http.post(f"/{vendor}/_emulator/faults", json=fault).raise_for_status()

    def requests(self, vendor: str, *, prompt_contains: str = "") -> list[dict[str, Any]]:
        """Return the last requests that the vendor received, oldest first (`journal.Exchange.describe`)."""
        response = self._http.get(f"/{vendor}/_emulator/requests", params={"prompt_contains": prompt_contains})
        return cast(list[dict[str, Any]], response.raise_for_status().json()["requests"])

    def set_latency(self, vendor: str, *, first_byte_ms: float = 0, per_frame_ms: float = 0) -> None:
        """Delay every response of the vendor."""
        delays = {"first_byte_ms": first_byte_ms, "per_frame_ms": per_frame_ms}
        self._http.post(f"/{vendor}/_emulator/latency", json=delays).raise_for_status()

    def reset(self) -> None:
        """Forget every vendor's faults, requests and latency."""
        self._http.delete("/_emulator").raise_for_status()

    def close(self) -> None:
        """Close the connections to the control routes."""
        self._http.close()


@contextmanager
def start_emulators(*, port: int = 0, state: Path | None = None) -> Iterator[Emulators]:
    """Run `python -m tests.emulators` until the block ends, and delete its data unless `state` names a folder.

    Raises `RuntimeError` if it does not start.
    """
    command = [sys.executable, "-m", "tests.emulators", "--port", str(port), "--exit-with-parent"]
    if state:
        command += ["--state", str(state)]
    # Without a shell; this interpreter runs a module of this repository.
    with subprocess.Popen(  # noqa: S603
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise RuntimeError(f"The emulators did not start on port {port}: see their standard error.")
        ready = json.loads(line)
        emulators = Emulators(ready["url"], ready["base_urls"], Path(ready["state"]))
        try:
            yield emulators
        finally:
            emulators.close()
            process.terminate()
