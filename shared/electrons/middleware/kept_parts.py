"""The body of an idempotent answer that one row of D1 does not take: stored and read in parts."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncGenerator
from contextlib import aclosing

from electrons.context import Context
from electrons.errors import DatabaseError, IdempotencyOutcomeUnknownError
from electrons.http import Response
from electrons.middleware.errors import describe
from electrons.storage.idempotency import IdempotentAnswers
from electrons.tasks import start_task

PART_BYTES = 1_000_000
"""Bytes of a part: a row of D1 has 2 MB at most."""

UNWRITTEN_PARTS = 8
"""Parts that wait for D1 at most, because they are in memory; a body that comes faster is not kept."""

_PACED_PARTS = 2
"""Parts that wait for D1 when what can wait for it does."""

_GONE = (
    "The first request with this `Idempotency-Key` did its work, but its answer is gone. Use a new key to do the work "
    "again"
)


class Parts:
    """Stores one body, while more of it comes (`upstream.recording.Store`)."""

    part_bytes = PART_BYTES

    def __init__(self, answers: IdempotentAnswers, claim: str) -> None:
        self.count = 0
        self._answers = answers
        self._claim = claim
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._writing: set[asyncio.Task[None]] = set()
        self._is_lost = False

    def add(self, part: bytes, *, is_last: bool = False) -> bool:
        """Begin to store the next part; return False if the body cannot be kept."""
        try:
            content = self._decoder.decode(part, final=is_last)
        except UnicodeDecodeError:
            self._is_lost = True
        if self._is_lost or len(self._writing) >= UNWRITTEN_PARTS:
            self._is_lost = True
            return False
        task = start_task(self._write(self.count, content))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        self.count += 1
        return True

    async def keep(self, content: bytes) -> int | None:
        """Store a whole body, and return the number of its parts, None if it cannot be kept."""
        end = 0
        while len(content) - end > PART_BYTES and self.add(content[end : end + PART_BYTES]):
            end += PART_BYTES
            await self._wait()
        return await self.finish(content[end:])

    async def finish(self, rest: bytes) -> int | None:
        """Store the last part, and return the number of all, None if not all are stored."""
        self.add(rest, is_last=True)
        while self._writing:
            await asyncio.wait(self._writing)
        return None if self._is_lost else self.count

    async def pace(self, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Iterate over pieces of a body no faster than their parts are stored."""
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece
                await self._wait()

    async def _wait(self) -> None:
        while len(self._writing) >= _PACED_PARTS:
            await asyncio.wait(self._writing, return_when=asyncio.FIRST_COMPLETED)

    async def _write(self, number: int, content: str) -> None:
        try:
            await self._answers.keep_part(self._claim, number, content)
        except DatabaseError:
            self._is_lost = True


async def attach_parts(
    context: Context, response: Response, answers: IdempotentAnswers, *, claim: str, count: int
) -> None:
    """Let a stored body be the response's. Raises `DatabaseError` and `IdempotencyOutcomeUnknownError`."""
    first = await _find(answers, claim, 0)

    async def read() -> AsyncGenerator[str, None]:
        yield first
        for number in range(1, count):
            try:
                part = await _find(answers, claim, number)
            except (DatabaseError, IdempotencyOutcomeUnknownError) as error:
                describe(error, context)  # an answer cannot say that it is not whole: the connection breaks
                raise
            yield part

    response.body = read()


async def _find(answers: IdempotentAnswers, claim: str, number: int) -> str:
    part = await answers.find_part(claim, number)
    if part is None:
        raise IdempotencyOutcomeUnknownError(_GONE)
    return part
