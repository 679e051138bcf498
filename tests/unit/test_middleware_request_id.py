"""`X-Request-ID`."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.app import App
from electrons.testing import TestClient

CLIENT = TestClient(App("worker"))


@pytest.mark.parametrize("given_id", ["a", "A.b_c-1", "x" * 128])
async def test_request_id_when_well_formed_then_kept_everywhere(given_id: str) -> None:
    answer = await CLIENT.request("GET", "/nowhere", headers={"X-Request-ID": given_id})

    assert answer.headers.get("X-Request-ID") == given_id
    assert answer.json()["request_id"] == given_id
    assert [line["request_id"] for line in answer.log] == [given_id]


@pytest.mark.parametrize("given_id", [None, "", "x" * 129, "a b", "a/b", "ü", "a\n", "a, b"])
async def test_request_id_when_absent_or_ill_formed_then_a_new_uuid(given_id: str | None) -> None:
    answer = await CLIENT.request("GET", "/health", headers={} if given_id is None else {"X-Request-ID": given_id})

    assert uuid.UUID(answer.headers.get("X-Request-ID") or "").version == 4


@given(st.text())
async def test_request_id_when_any_text_then_returns_well_formed_id(given_id: str) -> None:
    answer = await CLIENT.request("GET", "/health", headers={"X-Request-ID": given_id})

    outgoing = answer.headers.get("X-Request-ID") or ""
    assert 0 < len(outgoing) <= 128
    assert outgoing.replace("-", "").replace("_", "").replace(".", "a").isascii()
