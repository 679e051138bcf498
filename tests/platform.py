"""The workers under test: the local stack on free ports with a state of its own, and what it wrote."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import httpx2

import keys
import local
from database import LocalDatabase
from tests.emulators.process import Emulators

T = TypeVar("T")

WAIT_SECONDS = 10
"""How long a test waits for what happens after the answer: a ledger row, a log line."""

PLENTY = '"requests";q=1000000;w=60, "tokens";q=1000000000;qu="tokens";w=60'

PLANTED_SECRET = "invalid-sk-planted-0123456789"
"""A key that the emulators refuse, and that must never be seen again."""


KEYS_REQUIRED = {"AUTH_MODE": "required", "KEY_CACHE_SECONDS": "0.5"}
"""A deployment that forgets a key soon enough for a test to wait for."""


@dataclass(frozen=True)
class Variant:
    """A worker once more, under another name and with other vars: one more deployment of the same code."""

    worker: str
    vars: Mapping[str, str]


VARIANTS = {
    "text-gen-limited": Variant("text-gen", {"RATE_LIMIT_POLICY": '"requests";q=100;w=3600'}),
    "text-gen-metered": Variant(
        "text-gen", {"RATE_LIMIT_POLICY": '"requests";q=1000;w=3600, "tokens";q=5000;qu="tokens";w=3600'}
    ),
    "text-gen-impatient": Variant(
        "text-gen",
        {
            "CONNECT_TIMEOUT_SECONDS": "0.2",
            "FIRST_BYTE_TIMEOUT_SECONDS": "0.6",
            "IDLE_TIMEOUT_SECONDS": "0.6",
            "TOTAL_TIMEOUT_SECONDS": "3",
        },
    ),
    "text-gen-without-retries": Variant("text-gen", {"MAX_RETRIES": "0"}),
    "text-gen-without-keys": Variant("text-gen", {"ANTHROPIC_API_KEY": "", "OPENAI_API_KEY": ""}),
    "text-gen-with-wrong-keys": Variant(
        "text-gen", {"ANTHROPIC_API_KEY": PLANTED_SECRET, "OPENAI_API_KEY": PLANTED_SECRET}
    ),
    "text-gen-unreachable": Variant(
        "text-gen",
        {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9", "OPENAI_BASE_URL": "http://127.0.0.1:9", "MAX_RETRIES": "1"},
    ),
    "text-gen-limiter-open": Variant("text-gen", {"RATE_LIMIT_TIMEOUT_SECONDS": "1e-30", "RATE_LIMIT_FAILURE": "open"}),
    "text-gen-limiter-closed": Variant(
        "text-gen", {"RATE_LIMIT_TIMEOUT_SECONDS": "1e-30", "RATE_LIMIT_FAILURE": "closed"}
    ),
    "text-gen-with-keys-required": Variant("text-gen", KEYS_REQUIRED),
    "text-gen-for-one-origin": Variant("text-gen", {"CORS_ORIGINS": "https://app.example, https://other.example"}),
    "text-gen-with-another-default": Variant("text-gen", {"DEFAULT_MODEL": "openai:gpt-4o-mini"}),
    "audio-gen-uncached": Variant("audio-gen", {"VOICES_CACHE_SECONDS": "0"}),
    "audio-gen-with-another-default": Variant(
        "audio-gen", {"DEFAULT_VOICE_ID": "JBFqnCBsd6RMkjVDRZzb", "DEFAULT_SPEECH_MODEL": "eleven_flash_v2_5"}
    ),
    "audio-gen-behind-a-domain": Variant("audio-gen", {"PUBLIC_BASE_URL": "https://media.example/de/"}),
    "audio-gen-metered": Variant(
        "audio-gen", {"RATE_LIMIT_POLICY": '"requests";q=1000;w=3600, "characters";q=100;qu="characters";w=3600'}
    ),
    "audio-gen-impatient": Variant(
        "audio-gen",
        {
            "CONNECT_TIMEOUT_SECONDS": "0.2",
            "FIRST_BYTE_TIMEOUT_SECONDS": "1.8",
            "IDLE_TIMEOUT_SECONDS": "0.6",
            "TOTAL_TIMEOUT_SECONDS": "4",
        },
    ),
    "audio-gen-without-keys": Variant("audio-gen", {"ELEVENLABS_API_KEY": ""}),
    "audio-gen-with-wrong-keys": Variant("audio-gen", {"ELEVENLABS_API_KEY": PLANTED_SECRET}),
    "audio-gen-on-the-free-plan": Variant("audio-gen", {"ELEVENLABS_API_KEY": "free-0001"}),
    "audio-gen-out-of-credit": Variant("audio-gen", {"ELEVENLABS_API_KEY": "broke-0001"}),
    "audio-gen-unreachable": Variant("audio-gen", {"ELEVENLABS_BASE_URL": "http://127.0.0.1:9", "MAX_RETRIES": "0"}),
    "audio-gen-with-keys-required": Variant("audio-gen", KEYS_REQUIRED),
    "stock-media-uncached": Variant("stock-media", {"STOCK_CACHE_SECONDS": "0"}),
    "stock-media-limited": Variant("stock-media", {"RATE_LIMIT_POLICY": '"requests";q=2;w=3600'}),
    "stock-media-impatient": Variant(
        "stock-media",
        {
            "CONNECT_TIMEOUT_SECONDS": "0.2",
            "FIRST_BYTE_TIMEOUT_SECONDS": "0.6",
            "IDLE_TIMEOUT_SECONDS": "0.6",
            "STOCK_CACHE_SECONDS": "0",
        },
    ),
    "stock-media-of-two-pages": Variant("stock-media", {"STOCK_MAX_PAGES": "2", "STOCK_CACHE_SECONDS": "0"}),
    "stock-media-with-keys-required": Variant("stock-media", KEYS_REQUIRED),
    "stock-media-without-keys": Variant("stock-media", {"PEXELS_API_KEY": ""}),
    "stock-media-with-wrong-keys": Variant("stock-media", {"PEXELS_API_KEY": PLANTED_SECRET}),
    "stock-media-unreachable": Variant("stock-media", {"PEXELS_BASE_URL": "http://127.0.0.1:9", "MAX_RETRIES": "0"}),
    "render-service-public": Variant("render-service", {"ALLOW_LOOPBACK_URLS": "false"}),
    "render-service-hurried": Variant("render-service", {"RENDER_TIMEOUT_SECONDS": "1", "MAX_RETRIES": "0"}),
    "render-service-giving-up": Variant("render-service", {"CALLBACK_GIVE_UP_SECONDS": "0.5"}),
    "render-service-unsigned": Variant("render-service", {"CALLBACK_SIGNING_SECRET": ""}),
    "render-service-impatient": Variant(
        "render-service", {"CONNECT_TIMEOUT_SECONDS": "0.2", "FIRST_BYTE_TIMEOUT_SECONDS": "0.6"}
    ),
    "render-service-without-keys": Variant("render-service", {"SHOTSTACK_API_KEY": ""}),
    "render-service-with-wrong-keys": Variant("render-service", {"SHOTSTACK_API_KEY": PLANTED_SECRET}),
    "render-service-unreachable": Variant("render-service", {"SHOTSTACK_BASE_URL": "http://127.0.0.1:9"}),
    "render-service-with-keys-required": Variant("render-service", KEYS_REQUIRED),
    "image-gen-of-small-files": Variant("image-gen", {"MAX_IMAGE_BYTES": "1000"}),
    "image-gen-with-another-default": Variant("image-gen", {"DEFAULT_IMAGE_MODEL": "openai:gpt-image-2"}),
    "image-gen-metered": Variant(
        "image-gen", {"RATE_LIMIT_POLICY": '"requests";q=1000;w=3600, "images";q=5;qu="images";w=3600'}
    ),
    "image-gen-impatient": Variant(
        "image-gen",
        {
            "CONNECT_TIMEOUT_SECONDS": "0.2",
            "FIRST_BYTE_TIMEOUT_SECONDS": "1.3",
            "IDLE_TIMEOUT_SECONDS": "0.6",
            "TOTAL_TIMEOUT_SECONDS": "6",
        },
    ),
    "image-gen-without-keys": Variant("image-gen", {"IDEOGRAM_API_KEY": "", "OPENAI_API_KEY": ""}),
    "image-gen-with-wrong-keys": Variant(
        "image-gen", {"IDEOGRAM_API_KEY": PLANTED_SECRET, "OPENAI_API_KEY": PLANTED_SECRET}
    ),
    "image-gen-unreachable": Variant(
        "image-gen", {"IDEOGRAM_BASE_URL": "http://127.0.0.1:9", "OPENAI_BASE_URL": "http://127.0.0.1:9"}
    ),
    "image-gen-with-keys-required": Variant("image-gen", {"AUTH_MODE": "required", "KEY_CACHE_SECONDS": "0"}),
    "sandbox-executor-of-few-turns": Variant("sandbox-executor", {"EXECUTE_MAX_TURNS": "3"}),
    "sandbox-executor-of-few-tokens": Variant("sandbox-executor", {"EXECUTE_MAX_TOKENS": "12000"}),
    "sandbox-executor-of-little-money": Variant("sandbox-executor", {"EXECUTE_MAX_COST_USD": "0.135"}),
    "sandbox-executor-in-a-hurry": Variant("sandbox-executor", {"EXECUTE_MAX_SECONDS": "1"}),
    "sandbox-executor-of-one-team": Variant(
        "sandbox-executor", {"ALLOWED_REPOSITORIES": "team/*, demo/empty", "ALLOWED_WORKER_PREFIXES": "team-"}
    ),
    "sandbox-executor-with-workflows": Variant("sandbox-executor", {"ALLOW_WORKFLOW_FILES": "true"}),
    "sandbox-executor-without-a-subdomain": Variant("sandbox-executor", {"CLOUDFLARE_API_TOKEN": "nosubdomain-0001"}),
    "sandbox-executor-with-a-wrong-token": Variant("sandbox-executor", {"CLOUDFLARE_API_TOKEN": PLANTED_SECRET}),
    "sandbox-executor-without-keys": Variant(
        "sandbox-executor", {"ANTHROPIC_API_KEY": "", "GITHUB_PAT": "", "CLOUDFLARE_API_TOKEN": ""}
    ),
    "text-gen-misconfigured": Variant("text-gen", {"MAX_RETRIES": "some"}),
}


class Platform:
    """The running workers by name, their API keys, and what they logged and stored."""

    def __init__(self, urls: Mapping[str, str], state: Path) -> None:
        self.urls = urls
        self.database = LocalDatabase(state)
        self._state = state
        self._logs: list[dict[str, Any]] = []
        self._clients = {name: httpx2.Client(base_url=url, timeout=30, trust_env=False) for name, url in urls.items()}

    @classmethod
    @contextmanager
    def start(cls, *, state: Path, emulators: Emulators, variants: Mapping[str, Variant]) -> Iterator[Platform]:
        """Runs all workers and the variants until the block ends."""
        shared = {
            **local.LOCAL_VARS,
            "RATE_LIMIT_POLICY": PLENTY,
            "RENDER_POLL_SECONDS": "0.1",
            "CALLBACK_RETRY_SECONDS": "0.1",
            **local.emulated_vars(emulators.base_urls),
        }
        workers = local.start_workers(
            {
                "state": str(state),
                "variants": {name: variant.worker for name, variant in variants.items()},
                "vars": {"*": shared, **{name: dict(variant.vars) for name, variant in variants.items()}},
            }
        )
        try:
            platform = cls(workers.wait_until_ready()["workers"], state)
            collector = threading.Thread(target=platform._collect, args=[workers], daemon=True)
            collector.start()
            yield platform
            for client in platform._clients.values():
                client.close()
            workers.stop()
            collector.join()
        finally:
            workers.stop()
            if workers.process.stdout is not None:
                workers.process.stdout.close()

    def client(self, worker: str) -> httpx2.Client:
        """An HTTP client for a worker or a variant."""
        return self._clients[worker]

    def key(self, *scopes: str, expires_at: datetime | None = None, rate_limit_policy: str | None = None) -> str:
        """A new API key with these scopes, with all there are if none is named."""
        key, _ = keys.create(
            self.database,
            environment="test",
            name="test",
            owner="tests",
            scopes=scopes or keys.SCOPES,
            expires_at=expires_at,
            rate_limit_policy=rate_limit_policy,
        )
        return key

    @cached_property
    def all_powerful_key(self) -> str:
        """One key with all scopes, for tests that are not about keys."""
        return self.key()

    def log_lines(self, request_id: str, *, event: str = "request") -> list[dict[str, Any]]:
        """The log lines of one request with that event; waits for the first."""
        return wait_for(lambda: [x for x in self._logs if (x.get("request_id"), x["event"]) == (request_id, event)])

    def logged(self) -> str:
        """All that the workers have logged so far, JSON text."""
        return json.dumps(self._logs, ensure_ascii=False)

    def usage_rows(self, request_id: str, *, wait: bool = True) -> list[dict[str, Any]]:
        """The usage rows of one request, read from D1's own file; waits for the first unless told not to."""

        def look() -> list[dict[str, Any]]:
            return self._query("SELECT * FROM usage WHERE request_id = ?", request_id)

        return wait_for(look) if wait else look()

    def rows(self, table: str, *, request_id: str, status: str | None = None) -> list[dict[str, Any]]:
        """The rows of one request in another table; with a status, waits for the first that has it."""
        statement = f"SELECT * FROM {table} WHERE request_id = ?"  # noqa: S608  # a name in a test
        if status is None:
            return self._query(statement, request_id)
        return wait_for(lambda: self._query(f"{statement} AND status = ?", request_id, status))

    def stored_objects(self, request_id: str) -> list[dict[str, Any]]:
        """What one request has stored in R2, read from the buckets' own files: `key`, `size`, and the metadata."""
        files = (path for path in self._state.glob("v3/r2/*/*.sqlite") if path.stem != "metadata")
        statement = "SELECT * FROM _mf_objects WHERE custom_metadata ->> 'request_id' = ? ORDER BY key"
        return [row for file in files for row in self._read(file, statement, request_id)]

    def _query(self, statement: str, *parameters: str) -> list[dict[str, Any]]:
        return self._read(local.database_file(self._state), statement, *parameters)

    @staticmethod
    def _read(file: Path, statement: str, *parameters: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(statement, parameters)]

    def _collect(self, workers: local.Part) -> None:
        for event in workers.events():
            try:
                line = json.loads(event.get("message", ""))
            except ValueError:
                line = None
            self._logs.append(line if isinstance(line, dict) and "event" in line else {"event": "other", **event})


def wait_for(look: Callable[[], T]) -> T:
    """What `look` finds, as soon as that is anything; the last it found when the time is over."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found
