"""`Idempotency-Key` on answers that one row of D1 does not take: kept in parts by workers without a bucket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator

import httpx2
import pytest

from electrons.bindings import Bindings, Row, Value
from electrons.context import Context
from electrons.errors import DatabaseError
from electrons.http import Response
from electrons.middleware.idempotent_work import LONGEST_BODY
from electrons.middleware.kept_parts import PART_BYTES, UNWRITTEN_PARTS
from electrons.testing import MemoryDatabase
from tests.unit.gateway import Gateway
from tests.unit.idempotent_stack import KEY, Stack

LONG = "é" * (PART_BYTES + PART_BYTES // 4) + "."
"""Two and a half parts, each of which ends within a character."""


class Parts(MemoryDatabase):
    """A database that takes a moment for each part, and refuses the one with this number."""

    def __init__(self, refused: int | None = None) -> None:
        super().__init__()
        self.waiting = self.most_waiting = 0
        self._refused = refused

    async def query(self, statement: str, *parameters: Value) -> list[Row]:
        if not statement.startswith("INSERT INTO idempotent_parts"):
            return await super().query(statement, *parameters)
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        await asyncio.sleep(0.001)
        self.waiting -= 1
        if parameters[1] == self._refused:
            raise DatabaseError("D1 is away")
        return await super().query(statement, *parameters)

    async def sizes(self) -> list[object]:
        rows = await self.query("SELECT length(CAST(content AS BLOB)) AS bytes FROM idempotent_parts ORDER BY number")
        return [row["bytes"] for row in rows]


def stack_of(*pieces: str, database: MemoryDatabase | None = None, is_stream: bool = True) -> Stack:
    """Return a worker without a bucket whose work has called a provider and answers with these."""

    async def frames() -> AsyncGenerator[str, None]:
        for piece in pieces:
            yield piece
            await asyncio.sleep(0)

    async def work(context: Context) -> Response:
        context.attempts = 1
        return Response.event_stream(frames()) if is_stream else Response.json("".join(pieces))

    stack = Stack(work)
    limiter = stack.client.bindings.rate_limiter
    stack.client.bindings = Bindings(DB=database or Parts(), RATE_LIMITER=limiter)
    return stack


def parts_of(stack: Stack) -> Parts:
    database = stack.client.bindings.database
    assert isinstance(database, Parts)
    return database


@pytest.mark.parametrize("is_stream", [True, False])
async def test_long_answers_come_back(is_stream: bool) -> None:
    stack = stack_of(LONG[:7], LONG[7:-3], LONG[-3:], is_stream=is_stream)
    first, second = await stack.post(), await stack.post()

    assert first.body == second.body == LONG.encode()
    assert second.headers.get("Content-Type") == first.headers.get("Content-Type")
    assert second.headers.get("Idempotent-Replayed") == "true"
    assert stack.calls == 1
    assert sum(map(int, map(str, await parts_of(stack).sizes()))) == len(LONG.encode())
    assert len(await parts_of(stack).sizes()) == 3


async def test_answer_of_one_part_is_in_the_row() -> None:
    stack = stack_of("x" * PART_BYTES)
    assert (await stack.post()).body == (await stack.post()).body
    assert await parts_of(stack).sizes() == []


@pytest.mark.parametrize("is_stream", [True, False])
async def test_answer_over_the_limit_is_not_redone(is_stream: bool) -> None:
    stack = stack_of(*["x" * PART_BYTES] * (LONGEST_BODY // PART_BYTES + 1), is_stream=is_stream)
    assert len((await stack.post()).body) > LONGEST_BODY
    assert (await stack.post()).json()["error_code"] == "IDEMPOTENCY_OUTCOME_UNKNOWN"
    assert stack.calls == 1


@pytest.mark.parametrize("is_stream", [True, False])
@pytest.mark.parametrize("refused", [0, 1, 2])
async def test_answer_without_a_part_is_not_redone(refused: int, is_stream: bool) -> None:
    stack = stack_of(LONG, database=Parts(refused), is_stream=is_stream)
    assert (await stack.post()).body == LONG.encode()
    assert (await stack.post()).json()["error_code"] == "IDEMPOTENCY_OUTCOME_UNKNOWN"
    assert stack.calls == 1


async def test_bodies_that_are_no_text_are_not_kept() -> None:
    async def work(context: Context) -> Response:
        context.attempts = 1
        return Response(body=b"\xff" * (PART_BYTES + 1))

    stack = stack_of()
    whole = Stack(work)
    whole.client.bindings = stack.client.bindings
    assert (await whole.post()).status == 200
    assert (await whole.post()).status == 409


async def test_stream_that_outruns_the_database_is_not_kept() -> None:
    stack = stack_of("x" * (UNWRITTEN_PARTS + 2) * PART_BYTES)
    assert (await stack.post()).status == 200
    assert parts_of(stack).most_waiting == UNWRITTEN_PARTS
    assert (await stack.post()).json()["error_code"] == "IDEMPOTENCY_OUTCOME_UNKNOWN"


async def test_large_answer_of_a_provider_waits_for_the_database() -> None:
    answer = json.dumps({"data": ["x" * PART_BYTES] * 12, "usage": {"prompt_tokens": 3}}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(answer), PART_BYTES // 2):
            yield answer[start : start + PART_BYTES // 2]

    gateway = Gateway(httpx2.Response(200, headers={"Content-Type": "application/json"}, content=pieces()))
    database = Parts()
    gateway.client.bindings = Bindings(DB=database, RATE_LIMITER=gateway.bindings.rate_limiter)
    body = {"model": "text-embedding-3-small", "input": "Hello"}
    first = await gateway.send("/v1/embeddings", body, KEY)
    second = await gateway.send("/v1/embeddings", body, KEY)

    assert first.body == second.body == answer
    assert len(gateway.requests) == 1
    assert database.most_waiting < UNWRITTEN_PARTS


@pytest.mark.parametrize("lost", [0, 1])
async def test_answer_whose_part_is_gone_is_an_error(lost: int) -> None:
    stack = stack_of(LONG)
    await stack.post()
    await parts_of(stack).execute("DELETE FROM idempotent_parts WHERE number = ?", lost)
    if lost == 0:
        gone = await stack.post()
        assert (gone.status, gone.json()["error_code"]) == (409, "IDEMPOTENCY_OUTCOME_UNKNOWN")
    else:  # the connection breaks
        with pytest.raises(Exception, match="its answer is gone"):
            await stack.post()
    assert stack.calls == 1


async def test_parts_go_with_the_row() -> None:
    stack = stack_of(LONG)
    await stack.post()
    await parts_of(stack).execute("UPDATE idempotent_answers SET created_at = '2026'")
    assert len(await parts_of(stack).sizes()) == 3
    await stack.post(headers={"Idempotency-Key": "another"})
    assert len(await parts_of(stack).sizes()) == 3  # of the other one
    await parts_of(stack).execute("UPDATE idempotent_answers SET created_at = '2026'")
    await stack.post(headers={"Idempotency-Key": "another"})  # takes over the key
    assert len(await parts_of(stack).sizes()) == 3
    assert stack.calls == 3
