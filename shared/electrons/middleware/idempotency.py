"""`Idempotency-Key` on a POST: the work is done once, and a retry gets the first answer.

Kept are successes and final refusals (400, 422), each with the headers that say what answered and what it cost. A
stream is kept once it has ended well, as the bytes that the caller got; a long one is stored in parts meanwhile
(`kept_parts.py`). A file is stored in the worker's bucket before it goes out, and without a bucket it is not kept.

Any other failure frees the key, unless it may have cost money or changed something: then the key stays taken, and a
retry is told that the outcome is unknown. The same is said of an answer that is not kept. A request that was killed
before it called a provider gives the key to the retry: right before the first call, the key's row is marked. From then
on the request reports that it is alive, so one that was killed is known as such soon.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

from electrons.context import Context
from electrons.errors import IdempotencyKeyReusedError, IdempotencyOutcomeUnknownError, RequestError
from electrons.http import Response
from electrons.logs import timestamp
from electrons.middleware import CallNext
from electrons.middleware.idempotent_work import Work, attach_file, in_progress
from electrons.middleware.kept_parts import attach_parts
from electrons.storage.idempotency import Claimed, IdempotentAnswers, Slot
from electrons.upstream.relay import Relay

KEY_LIMIT = 255
"""Characters of a key."""

SILENT_SECONDS = 60
"""After this time without a report a request that has called a provider counts as killed."""

RUNNING_SECONDS = 15 * 60
"""After this time a request that does not report counts as killed, and its work as lost, if it has not ended."""


async def idempotency(context: Context, call_next: CallNext) -> Response:
    """Do the work of a new key, which goes on if the caller leaves; answer a retry with what is kept.

    Raises `RequestError` for a malformed key, `IdempotencyKeyReusedError`, `IdempotencyInProgressError`,
    `IdempotencyOutcomeUnknownError`, and `DatabaseError` before any work is done.
    """
    route = context.route
    if route.method != "POST" or route.public:
        return await call_next(context)
    key = read_key(context)
    if key is None:
        return await call_next(context)
    answers = IdempotentAnswers(context.bindings.database)
    slot = Slot(context.principal.id, f"{context.service} {route.path}", key)
    request_hash = hashlib.sha256(f"{context.request.path}\n{context.body_hash}".encode()).hexdigest()
    claim = await answers.take(slot, request_hash)
    if claim is None:
        return await _repeat(context, answers, await answers.find(slot), request_hash)
    context.work_id = claim
    context.defer(answers.delete_expired)
    work = Work(context, answers, slot=slot, claim=claim)
    try:
        response = await context.see_through(work.run(call_next))
    except asyncio.CancelledError:
        work.leave()
        raise
    if context.attempts:  # the calls that a stream makes itself have their own limit
        await _limit_time(response, context.settings.total_timeout_seconds or None)
    return response


def read_key(context: Context) -> str | None:
    """Return the header, None if there is none. Raises `RequestError` for one that is malformed."""
    key = context.request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= KEY_LIMIT and key.isprintable()):
        raise RequestError(f"`Idempotency-Key` must have 1 to {KEY_LIMIT} printable characters")
    return key


async def _limit_time(response: Response, total_seconds: float | None) -> None:
    """Let the total time, counted anew, end a stream: the call's own limit ends only the task that has opened it."""
    body = response.body
    if isinstance(body, Relay):
        await body.scope.enter_async_context(asyncio.timeout(total_seconds))
    elif isinstance(body, AsyncGenerator):
        response.body = _iterate_within(body, total_seconds)


async def _iterate_within(frames: AsyncGenerator[str, None], total_seconds: float | None) -> AsyncGenerator[str, None]:
    async with asyncio.timeout(total_seconds), aclosing(frames):
        async for frame in frames:
            yield frame


async def _repeat(context: Context, answers: IdempotentAnswers, first: Claimed | None, request_hash: str) -> Response:
    if first is None:  # freed since the attempt to take the key
        raise in_progress("The first request with this `Idempotency-Key` has just failed: try again", context)
    if first.request_hash != request_hash:
        raise IdempotencyKeyReusedError
    known = {context.route.work_id_field: first.claim} if context.route.work_id_field else {}
    if (answer := first.answer) is not None:
        headers = [*answer.headers, ("Idempotent-Replayed", "true")]
        response = Response(status=answer.status, headers=headers, body=answer.body)
        if answer.file:
            await attach_file(context, response, answer.file)
        elif answer.parts is not None:
            await attach_parts(context, response, answers, claim=first.claim, count=answer.parts)
        return response
    if first.ended or _is_killed(first):
        raise IdempotencyOutcomeUnknownError().extend(**known)
    busy = in_progress("The first request with this `Idempotency-Key` is still running: try again", context)
    raise busy.extend(**known)


def _is_killed(first: Claimed) -> bool:
    if first.seen_at is not None:
        return first.seen_at < timestamp(seconds_ago=SILENT_SECONDS)
    return first.created_at < timestamp(seconds_ago=RUNNING_SECONDS)
