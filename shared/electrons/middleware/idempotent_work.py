"""The work of a request that has an idempotency key: what is kept of it, and whether the key is free after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from functools import partial

from electrons.context import Context
from electrons.errors import (
    ClientClosedError,
    DatabaseError,
    ElectronsError,
    IdempotencyInProgressError,
    IdempotencyOutcomeUnknownError,
    ProviderError,
    UnavailableError,
)
from electrons.http import HeaderPairs, Headers, Response
from electrons.middleware import CallNext
from electrons.middleware.call_headers import describe_call
from electrons.middleware.errors import describe, render
from electrons.middleware.kept_parts import PART_BYTES, Parts
from electrons.storage.idempotency import Answer, IdempotentAnswers, Slot, answer_files, file_name
from electrons.storage.media import MediaFolder
from electrons.tasks import repeat, start_task
from electrons.upstream.recording import Recording
from electrons.upstream.relay import Relay
from electrons.usage import Usage

LONGEST_BODY = 16 * 1024 * 1024
"""Bytes of a body that is kept, unless it is a file of the provider's, of which no copy is in memory."""

REPORT_SECONDS = 20
"""Between two reports of a request that it is alive: after its first call, which few outlast."""

SETTLE_PAUSES_SECONDS = (0.5, 2.0, 8.0)
"""Between the attempts to write how the work ended. Until then a retry is told that it is still at work."""

_FINAL_REFUSALS = {400, 422}
_NOT_KEPT = {"set-cookie", "traceparent", "x-request-id", "date", "content-length"}
_KEPT_PREFIXES = ("x-de-", "x-estimated-cost-")


class Work:
    """The work of a request that has the key."""

    def __init__(self, context: Context, answers: IdempotentAnswers, *, slot: Slot, claim: str) -> None:
        self._context = context
        self._answers = answers
        self._slot = slot
        self._claim = claim
        self._files = answer_files(context.bindings)
        self._parts = Parts(answers, claim)
        self._stream: Relay | AsyncGenerator[str, None] | None = None
        self._is_left = False
        context.before_spending = self._mark

    async def run(self, call_next: CallNext) -> Response:
        """Do the work and keep its answer: a file before it goes out, any other stream when all of it has gone out."""
        context = self._context
        try:
            response = await call_next(context)
            answer = Answer(status=response.status, headers=_kept_headers(context, response))
            if isinstance(response.body, Relay) and not response.body.watcher.reads and self._files:
                answer.file = await self._store_file(response, response.body, self._files)
        except Exception as error:
            if not (isinstance(error, ElectronsError) and error.status in _FINAL_REFUSALS):
                await self._settle(None, is_free=not _may_have_spent(context, error))
                raise
            response = render(describe(error, context), context)
            answer = Answer(status=response.status, headers=_kept_headers(context, response))
        if answer.file:
            await self._settle(answer, is_free=False)
            await attach_file(context, response, answer.file)
        elif isinstance(response.body, Relay | AsyncGenerator):
            recording = Recording(response, limit=LONGEST_BODY, store=self._parts)
            if isinstance(response.body, Relay):
                response.body.pieces = self._parts.pace(response.body.pieces)
            self._stream = response.body
            context.defer(partial(self._settle_stream, answer, recording))
            if self._is_left:
                await _read_to_end(self._stream)
        elif _is_retryable(response, context):
            await self._settle(None, is_free=True)
        else:
            await self._take_whole(answer, response)
            await self._settle(answer, is_free=False)
        return response

    def leave(self) -> None:
        """Take note that the caller has left before the answer: a stream that nobody reads is read here."""
        self._is_left = True
        if self._stream is not None:
            self._context.unfinished.append(asyncio.create_task(_read_to_end(self._stream)))

    async def _mark(self) -> None:
        """Note that the work spends from here on, and report until the end of the request that it is alive.

        What has an id for the caller (`Route.work_id_field`) may outlive the request, so that one's end says nothing.
        Raises `IdempotencyInProgressError` if a retry has taken the key.
        """
        context = self._context
        reports = context.route.work_id_field is None
        if not await self._answers.begin_spending(self._slot, self._claim, reports=reports):
            raise in_progress("Another request has taken over this `Idempotency-Key`: try again", context)
        if reports:
            reporting = start_task(self._report())
            context.defer(partial(_stop, reporting))

    async def _report(self) -> None:
        is_at_work = True
        # A task that ends as cancelled keeps its frames, and they keep it, until a garbage collection.
        with suppress(asyncio.CancelledError):
            while is_at_work:
                await asyncio.sleep(REPORT_SECONDS)
                with suppress(DatabaseError):  # the next one may succeed
                    is_at_work = await self._answers.report(self._slot, self._claim)

    async def _store_file(self, response: Response, relay: Relay, files: MediaFolder) -> str:
        """Store a file that the provider is still sending, and return its name. Raises what `put_stream` raises."""
        name = file_name(self._claim)
        try:
            async with relay.scope:
                await files.put_stream(
                    self._context,
                    name,
                    relay.response,
                    content_type=_content_type(response),
                    provider=relay.provider,
                    model=self._context.usage.model if self._context.usage else "",
                )
        except BaseException:
            relay.watcher.leave()
            raise
        relay.watcher.end(None)
        return name

    async def _take_whole(self, answer: Answer, response: Response) -> None:
        """Set the answer's body, its parts or its file; none where it is too large, or cannot be stored."""
        body = response.body or b""
        if not isinstance(body, str | bytes):
            return
        content = body.encode() if isinstance(body, str) else body
        if len(content) <= PART_BYTES:
            answer.body = body if isinstance(body, str) else _decode(content)
        if answer.body is not None or len(content) > LONGEST_BODY:
            return
        if self._files is None:
            answer.parts = await self._parts.keep(content)
            return
        context, name = self._context, file_name(self._claim)
        usage = context.usage or Usage(provider="", model="")
        try:
            await self._files.put_bytes(
                context,
                name,
                content,
                content_type=_content_type(response),
                provider=usage.provider,
                model=usage.model,
            )
        except UnavailableError as error:
            context.log.error("answer_not_kept", cause=error, request_id=context.request_id)
        else:
            answer.file = name

    async def _settle_stream(self, answer: Answer, recording: Recording) -> None:
        context = self._context
        rest = None if context.error_code not in {None, ClientClosedError.code} else recording.content
        if rest is not None and self._parts.count:
            answer.parts = await self._parts.finish(rest)
        elif rest is not None:
            answer.body = _decode(rest)
        await self._settle_late(answer, is_free=not answer.has_body and not _has_spent(context))

    async def _settle(self, answer: Answer | None, *, is_free: bool) -> None:
        """Write how the work ended, so that a retry finds it. What fails is repeated when the response is out."""
        try:
            await self._write(answer, is_free=is_free)
        except DatabaseError:
            self._context.defer(partial(self._settle_late, answer, is_free=is_free))

    async def _settle_late(self, answer: Answer | None, *, is_free: bool) -> None:
        """Write how the work ended. A failure is logged: the key stays taken, so nothing is done twice."""
        write = partial(self._write, answer, is_free=is_free)
        try:
            await repeat(write, after=SETTLE_PAUSES_SECONDS, on=DatabaseError)
        except DatabaseError as error:
            self._context.log.error("answer_not_kept", cause=error, request_id=self._context.request_id)

    async def _write(self, answer: Answer | None, *, is_free: bool) -> None:
        if is_free:
            await self._answers.free(self._slot, self._claim)
        elif answer is None or not answer.has_body:
            await self._answers.end(self._slot, self._claim)
        else:
            await self._answers.keep(self._slot, self._claim, answer)


async def attach_file(context: Context, response: Response, name: str) -> None:
    """Let a stored file be the response's body. Raises `IdempotencyOutcomeUnknownError` if it is gone."""
    files = answer_files(context.bindings)
    found = await files.open(context, name) if files else None
    if found is None:
        raise IdempotencyOutcomeUnknownError(
            "The first request with this `Idempotency-Key` did its work, but the file of its answer is gone. Use a "
            "new key to do the work again"
        )
    stored, response.body = found
    response.headers.append(("Content-Length", str(stored.size)))


def in_progress(message: str, context: Context) -> IdempotencyInProgressError:
    """Return the error that tells the caller to come again."""
    error = IdempotencyInProgressError(message)
    error.headers.append(("Retry-After", "1"))
    if context.dialect is None:  # the dialects have it for this error
        error.headers.append(("x-should-retry", "true"))
    return error


def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()


async def _read_to_end(stream: Relay | AsyncGenerator[str, None]) -> None:
    with suppress(ProviderError):  # known to the watcher
        async with aclosing(stream.iterate() if isinstance(stream, Relay) else stream) as pieces:
            async for _ in pieces:
                pass


def _kept_headers(context: Context, response: Response) -> HeaderPairs:
    """Return the headers of the answer itself, and those that say what answered and what it cost."""
    own = [pair for pair in response.headers if pair[0].lower() not in _NOT_KEPT]
    about = [pair for pair in context.headers if pair[0].lower().startswith(_KEPT_PREFIXES)]
    return [*own, *about, *describe_call(context, response)]


def _is_retryable(response: Response, context: Context) -> bool:
    """Return whether a handler's own answer is a failure that a retry may mend at no risk."""
    if response.status < 400 or response.status in _FINAL_REFUSALS or context.has_spent:
        return False
    return response.status < 500 or not context.attempts


def _may_have_spent(context: Context, error: Exception) -> bool:
    """Return whether a failure may have cost money or changed something.

    It has not where no provider was called, where the request was refused, or where the provider itself says that it
    failed; a lost connection and a timeout say nothing, nor does a 5xx about work that is not repeated (`has_spent`).
    """
    if context.has_spent or (context.usage is not None and context.usage.total_units):
        return True
    if not context.attempts:
        return False
    if isinstance(error, ProviderError):
        return error.may_be_paid
    return not isinstance(error, ElectronsError) or error.status >= 500


def _has_spent(context: Context) -> bool:
    """Return whether a provider has begun to answer, or may have, of which a stream that has begun is the sign."""
    return bool(context.has_spent or context.attempts or (context.usage is not None and context.usage.total_units))


def _content_type(response: Response) -> str:
    return Headers(response.headers).get("Content-Type") or "application/octet-stream"


def _decode(content: bytes) -> str | None:
    """Return the body as it is kept, None if it is not text."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None
