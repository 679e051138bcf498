"""The parts of the platform as local processes: the workers (wrangler/stack.mjs) and the providers' emulators.

`npm start`, the tests and the benchmarks all start them with this module. Both processes print one JSON object per line
and end when their standard input closes, so neither outlives the process that started it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from setup import NODE, PYTHON, ROOT, SetupError, environment

HOST = "127.0.0.1"
MIGRATIONS = ROOT / "wrangler" / "migrations"
DATABASE_ID = "DB"
"""What identifies the D1 database locally: wrangler takes the name of the binding where the configuration has no id."""

_FORMER_DATABASE_ID = "00000000-0000-0000-0000-000000000000"

Vars = Mapping[str, Mapping[str, str]]

LOCAL_VARS = {
    "AUTH_MODE": "open",
    "LOCAL_RUN": "true",
    "ALLOW_LOOPBACK_URLS": "true",
    "CALLBACK_SIGNING_SECRET": "local-signing-secret",
    "ALLOWED_REPOSITORIES": "*",
    "ALLOWED_WORKER_PREFIXES": "*",
}
"""The vars of every local run: API keys are not required (except by sandbox-executor, which is never open), assets and
callbacks may be on this machine, callbacks are signed, and every repository and Worker name is allowed, because GitHub
and Cloudflare are emulated."""

EMULATED_CREDENTIALS = {
    "github": {"GITHUB_PAT": "emulated"},
    "cloudflare": {"CLOUDFLARE_API_TOKEN": "emulated", "CLOUDFLARE_ACCOUNT_ID": "0" * 32},
}
"""The credentials of the providers that have more than one, or one that is not named `<PROVIDER>_API_KEY`."""


class Part:
    """One running process, which prints its events as JSON lines."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield each event until the process ends. A line that is not JSON becomes an event `log`."""
        if self.process.stdout is None:
            return
        for line in self.process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "log", "level": "log", "message": line.rstrip()}
            yield event

    def wait_until_ready(self) -> dict[str, Any]:
        """Wait for the event `ready` and return it. Raises `SetupError` with the part's messages if it ends before."""
        messages: list[str] = []
        for event in self.events():
            if event["event"] == "ready":
                return event
            if "message" in event:
                messages.append(event["message"])
        raise SetupError(f"{self.name} did not start: {' '.join(messages[-3:]) or 'see its message above'}")

    def drain(self) -> None:
        """Discard all events from now on, in the background, so that the process never waits for a reader."""
        threading.Thread(target=lambda: deque(self.events(), maxlen=0), daemon=True).start()

    def stop(self) -> None:
        """Ask the process to end, and kill it after ten seconds."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
        """Kill the process and all that it has started, as a power failure would."""
        found = [self.process.pid]
        for pid in found:
            children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
            found += map(int, children.split())
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def start_emulators(port: int, *, state: Path | None = None) -> Part:
    """Start the emulators of all providers on one port, or on a free one for 0.

    Their event `ready` has the `base_urls` by provider. Their files are in `state/emulators`, or without `state` in a
    folder that is deleted when they end.
    """
    command = [str(PYTHON), "-m", "tests.emulators", "--port", str(port), "--exit-with-parent"]
    if state is not None:
        command += ["--state", str(state / "emulators")]
    return Part("emulators", command)


def start_workers(options: Mapping[str, Any]) -> Part:
    """Start the workers with the options of `wrangler/stack.mjs`; their event `ready` has the workers' URLs by name."""
    return Part("workers", [str(NODE), "wrangler/stack.mjs", json.dumps(options)])


def emulated_vars(base_urls: Mapping[str, str]) -> dict[str, str]:
    """Return the vars that send every provider's calls to its emulator."""
    vars_: dict[str, str] = {}
    for provider, url in base_urls.items():
        vars_.update(emulated_credentials(provider))
        vars_[f"{provider.upper()}_BASE_URL"] = url
    if "cloudflare" in base_urls:
        vars_["WORKERS_DEV_URL"] = urljoin(base_urls["cloudflare"], "/cloudflare/workers.dev/{name}")
    return vars_


def emulated_credentials(provider: str) -> dict[str, str]:
    """Return the vars with the provider's credentials, with values that its emulator accepts."""
    return EMULATED_CREDENTIALS.get(provider, {f"{provider.upper()}_API_KEY": "emulated"})


def migrate(state: Path) -> None:
    """Apply the D1 migrations to the local database in `state`, if there are new ones. Raises `SetupError`."""
    content = DATABASE_ID.encode() + b"".join(path.read_bytes() for path in sorted(MIGRATIONS.glob("*.sql")))
    stamp = state / f"migrated-{hashlib.sha256(content).hexdigest()[:16]}"
    if stamp.exists():
        return
    _adopt_former_database(state)
    command = [str(NODE), "node_modules/wrangler/bin/wrangler.js", "d1", "migrations", "apply", "DB", "--local"]
    command += ["--persist-to", str(state), "--config", "workers/text-gen/wrangler.toml"]
    result = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    if result.returncode != 0:
        problem = (result.stderr or result.stdout).strip()
        raise SetupError(f"wrangler could not apply the D1 migrations to {state}: {problem}")
    stamp.touch()


def database_file(state: Path, database_id: str = DATABASE_ID) -> Path:
    """Return the path of miniflare's D1 database in `state`: its name is the id of the Durable Object that has it."""
    kind = "miniflare-D1DatabaseObject"
    key = hashlib.sha256(kind.encode()).digest()
    name = hmac.digest(key, database_id.encode(), "sha256")[:16]
    return state / "v3" / "d1" / kind / f"{(name + hmac.digest(key, name, 'sha256')[:16]).hex()}.sqlite"


def _adopt_former_database(state: Path) -> None:
    """Rename the database of a state from when wrangler.toml had an id for it."""
    former, file = database_file(state, _FORMER_DATABASE_ID), database_file(state)
    if former.exists() and not file.exists():
        for path in former.parent.glob(f"{former.name}*"):  # also those of SQLite's write-ahead log
            path.rename(file.with_name(file.name + path.name.removeprefix(former.name)))


def read_dev_vars(path: Path) -> dict[str, str]:
    """Return the `NAME=value` lines of a `.dev.vars` file; an empty value counts as absent, a missing file as empty."""
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    for line in path.read_text().splitlines():
        name, separator, value = line.partition("=")
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        if separator and value and not name.lstrip().startswith("#"):
            found[name.strip()] = value
    return found
