"""`Idempotency-Key` on a POST: the work is done once, and a retry gets the first answer.

Kept are successes and final refusals (400, 422), each with the headers that say what answered and what it cost. A
stream is kept once it has ended well, as the bytes that the caller got. Any other failure frees the key, unless it may
have cost money or changed something: then the key stays taken, and a retry is told that the outcome is unknown. The
same is said of an answer that is not kept: a file, or more than `KEPT_BYTES`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from electrons.context import Context
from electrons.errors import (
    ClientClosedError,
    DatabaseError,
    ElectronsError,
    IdempotencyInProgressError,
    IdempotencyKeyReusedError,
    IdempotencyOutcomeUnknownError,
    ProviderError,
    RequestError,
)
from electrons.http import HeaderPairs, Response
from electrons.logs import timestamp
from electrons.middleware import CallNext
from electrons.middleware.call_headers import describe_call
from electrons.middleware.errors import describe, render
from electrons.storage.idempotency import Claimed, IdempotentAnswers, Slot
from electrons.upstream.recording import Recording
from electrons.upstream.relay import Relay

KEY_LIMIT = 255
"""Characters of a key."""

KEPT_BYTES = 1_000_000
"""Bytes of a body that is kept: a row of D1 has 2 MB at most."""

RUNNING_SECONDS = 15 * 60
"""After this time a request that has not ended counts as killed."""

_FINAL_REFUSALS = {400, 422}
_NOT_KEPT = {"set-cookie", "traceparent", "x-request-id", "date", "content-length"}
_KEPT_PREFIXES = ("x-de-", "x-estimated-cost-")


async def idempotency(context: Context, call_next: CallNext) -> Response:
    """Do the work of a new key, which goes on if the caller leaves; answer a retry with what is kept.

    Raises `RequestError` for a malformed key, `IdempotencyKeyReusedError`, `IdempotencyInProgressError`,
    `IdempotencyOutcomeUnknownError`, and `DatabaseError` before any work is done.
    """
    route = context.route
    if route.method != "POST" or route.public or route.has_own_idempotency:
        return await call_next(context)
    key = read_key(context)
    if key is None:
        return await call_next(context)
    answers = IdempotentAnswers(context.bindings.database)
    slot = Slot(context.principal.id, f"{context.service} {route.path}", key)
    request_hash = hashlib.sha256(f"{context.request.path}\n{context.body_hash}".encode()).hexdigest()
    claim = await answers.take(slot, request_hash)
    if claim is None:
        return _repeat(context, await answers.find(slot), request_hash)
    context.defer(answers.delete_expired)
    work = _Work(context, answers, slot=slot, claim=claim)
    try:
        return await context.see_through(work.run(call_next))
    except asyncio.CancelledError:
        work.leave()
        raise


def read_key(context: Context) -> str | None:
    """Return the header, None if there is none. Raises `RequestError` for one that is malformed."""
    key = context.request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= KEY_LIMIT and key.isprintable()):
        raise RequestError(f"`Idempotency-Key` must have 1 to {KEY_LIMIT} printable characters")
    return key


@dataclass(slots=True)
class _Answer:
    """What a retry gets; without a body there is nothing to repeat."""

    status: int
    headers: HeaderPairs
    body: str | None = None


class _Work:
    """The work of a request that has the key."""

    def __init__(self, context: Context, answers: IdempotentAnswers, *, slot: Slot, claim: str) -> None:
        self._context = context
        self._answers = answers
        self._slot = slot
        self._claim = claim
        self._stream: Relay | AsyncGenerator[str, None] | None = None
        self._is_left = False

    async def run(self, call_next: CallNext) -> Response:
        """Do the work and keep its answer, that of a stream when it has gone out."""
        try:
            response = await call_next(self._context)
        except Exception as error:
            if isinstance(error, ElectronsError) and error.status in _FINAL_REFUSALS:
                response = render(describe(error, self._context), self._context)
            else:
                await self._settle(None, is_free=not _may_have_spent(self._context, error))
                raise
        headers = _kept_headers(self._context, response)
        recording = Recording(response, limit=KEPT_BYTES)
        if isinstance(response.body, Relay | AsyncGenerator):
            self._stream = response.body
            self._context.defer(partial(self._settle_stream, _Answer(response.status, headers), recording))
            if self._is_left:
                await _read_to_end(self._stream)
        else:
            answer = _Answer(response.status, headers, _decode(recording.content))
            await self._settle(answer, is_free=_is_retryable(response, self._context))
        return response

    def leave(self) -> None:
        """Take note that the caller has left before the answer: a stream that nobody reads is read here."""
        self._is_left = True
        if self._stream is not None:
            self._context.unfinished.append(asyncio.create_task(_read_to_end(self._stream)))

    async def _settle_stream(self, answer: _Answer, recording: Recording) -> None:
        context = self._context
        has_failed = context.error_code not in {None, ClientClosedError.code}
        answer.body = None if has_failed else _decode(recording.content)
        await self._settle(answer, is_free=answer.body is None and not _has_spent(context))

    async def _settle(self, answer: _Answer | None, *, is_free: bool) -> None:
        """Write how the work ended. A failure is logged: the key stays taken, so nothing is done twice."""
        try:
            if is_free:
                await self._answers.free(self._slot, self._claim)
            elif answer is None or answer.body is None:
                await self._answers.end(self._slot, self._claim)
            else:
                await self._answers.keep(
                    self._slot, self._claim, status=answer.status, headers=answer.headers, body=answer.body
                )
        except DatabaseError as error:
            self._context.log.error("answer_not_kept", cause=error, request_id=self._context.request_id)


async def _read_to_end(stream: Relay | AsyncGenerator[str, None]) -> None:
    async with aclosing(stream.iterate() if isinstance(stream, Relay) else stream) as pieces:
        async for _ in pieces:
            pass


def _kept_headers(context: Context, response: Response) -> HeaderPairs:
    """Return the headers of the answer itself, and those that say what answered and what it cost."""
    own = [pair for pair in response.headers if pair[0].lower() not in _NOT_KEPT]
    about = [pair for pair in context.headers if pair[0].lower().startswith(_KEPT_PREFIXES)]
    return [*own, *about, *describe_call(context, response)]


def _repeat(context: Context, first: Claimed | None, request_hash: str) -> Response:
    if first is None:  # freed since the attempt to take the key
        raise _in_progress("The first request with this `Idempotency-Key` has just failed: try again", context)
    if first.request_hash != request_hash:
        raise IdempotencyKeyReusedError
    if first.status is not None:
        headers = [*first.headers, ("Idempotent-Replayed", "true")]
        return Response(status=first.status, headers=headers, body=first.body)
    if first.ended or first.created_at < timestamp(seconds_ago=RUNNING_SECONDS):
        raise IdempotencyOutcomeUnknownError
    raise _in_progress("The first request with this `Idempotency-Key` is still running: try again", context)


def _in_progress(message: str, context: Context) -> IdempotencyInProgressError:
    error = IdempotencyInProgressError(message)
    error.headers.append(("Retry-After", "1"))
    if context.dialect is None:  # the dialects have it for this error
        error.headers.append(("x-should-retry", "true"))
    return error


def _is_retryable(response: Response, context: Context) -> bool:
    """Return whether a handler's own answer is a failure that a retry may mend at no risk."""
    if response.status < 400 or response.status in _FINAL_REFUSALS:
        return False
    return response.status < 500 or not context.attempts


def _may_have_spent(context: Context, error: Exception) -> bool:
    """Return whether a failure may have cost money or changed something.

    It has not where no provider was called, where the request was refused, or where the provider itself says that it
    failed; a lost connection and a timeout say nothing.
    """
    if context.usage is not None and context.usage.total_units:
        return True
    if not context.attempts:
        return False
    if isinstance(error, ProviderError):
        return error.upstream_status is None or error.upstream_status < 400
    return not isinstance(error, ElectronsError) or error.status >= 500


def _has_spent(context: Context) -> bool:
    """Return whether a provider has begun to answer, of which a stream that has begun is the sign."""
    return bool(context.attempts or (context.usage is not None and context.usage.total_units))


def _decode(content: bytes | None) -> str | None:
    """Return the body as it is kept, None if it is not."""
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return None
