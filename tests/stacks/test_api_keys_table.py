"""API keys before the table of keys is there, on a state that nothing has migrated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

import keys
import local
from database import LocalDatabase
from electrons.keys import generate
from tests.emulators.process import Emulators
from tests.platform import run_alone
from tests.workers.shapes import error_of, success_of

pytestmark = pytest.mark.full


@contextmanager
def text_gen(state: Path, emulators: Emulators) -> Iterator[httpx2.Client]:
    """text-gen alone, with keys required, on a state that is as it is."""
    vars_ = {**local.emulated_vars(emulators.base_urls), "RATE_LIMIT_POLICY": "none", "AUTH_MODE": "required"}
    with run_alone("text-gen", state=state, vars_=vars_) as (_, client):
        yield client


def test_missing_key_table_admits_no_caller(emulators: Emulators, tmp_path: Path) -> None:
    with text_gen(tmp_path, emulators) as client:
        for headers in ({}, {"X-API-Key": "any"}, {"Authorization": f"Bearer {generate('live')}"}):
            for path in ("/generate", "/generate/stream"):
                answer = client.post(path, json={"prompt": "Hello"}, headers=headers)
                error = error_of(answer, 503, "AUTH_UNAVAILABLE")
                assert "wrangler d1 migrations apply" in error["error"]
                assert "npm run keys -- create" in error["error"]
        assert client.get("/health").status_code == 200
        assert emulators.requests("anthropic") == []

        # As `npm run keys -- create` does it, while the worker runs.
        key, _ = keys.create(LocalDatabase(tmp_path), environment="test", name="n", owner="o", scopes=["text"])

        success_of(client.post("/generate", json={"prompt": "Hello"}, headers={"X-API-Key": key}))
        error_of(client.post("/generate", json={"prompt": "Hello"}), 401, "UNAUTHORIZED")
