"""D1, KV, Workflows and the rate limiter's Durable Object behind the protocols of `electrons.bindings`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from pyodide.ffi import JsException, jsnull

from electrons.bindings import Bindings, Row, Value
from electrons.errors import DatabaseError, UnavailableError
from electrons.ratelimit.limiter import LimiterUnreachableError, RateLimiter
from electrons.runtime.convert import describe_js_error, to_js_object
from electrons.runtime.js_globals import js
from electrons.runtime.loader import WorkerLoader
from electrons.runtime.r2 import R2Bucket

_PAUSES_WHILE_BUSY = (0.02, 0.05, 0.1, 0.2)


class D1Database:
    """A D1 binding."""

    def __init__(self, binding: Any) -> None:
        self._binding = binding

    async def query(self, statement: str, *parameters: Value) -> list[Row]:
        """See `Database.query`."""
        result = await _run(lambda: self._prepare(statement, parameters).all())
        rows: list[Row] = json.loads(js.JSON.stringify(result.results))
        return rows

    async def execute(self, statement: str, *parameters: Value) -> None:
        """See `Database.execute`."""
        await _run(lambda: self._prepare(statement, parameters).run())

    def _prepare(self, statement: str, parameters: tuple[Value, ...]) -> Any:
        prepared = self._binding.prepare(statement)
        if not parameters:
            return prepared
        # Python's None would become undefined, which D1 refuses.
        return prepared.bind(*(jsnull if value is None else value for value in parameters))


async def _run(call: Callable[[], Awaitable[Any]]) -> Any:
    """Return the result of one statement. Raises `DatabaseError`."""
    # Locally another process may write to the same file (`npm run keys`): then nothing has been done yet.
    pauses = iter(_PAUSES_WHILE_BUSY)
    while True:
        try:
            return await call()
        except JsException as error:
            reason = describe_js_error(error)
            pause = next(pauses, None) if "SQLITE_BUSY" in reason else None
            if pause is None:
                raise DatabaseError(reason) from error
        await asyncio.sleep(pause)


class KVNamespace:
    """A KV binding."""

    def __init__(self, binding: Any) -> None:
        self._binding = binding

    async def get(self, key: str) -> str | None:
        """See `KeyValueStore.get`."""
        value = await self._binding.get(key)
        return value if isinstance(value, str) else None

    async def put(self, key: str, value: str, *, ttl_seconds: int) -> None:
        """See `KeyValueStore.put`."""
        await self._binding.put(key, value, to_js_object({"expirationTtl": ttl_seconds}))


class WorkflowBinding:
    """A Workflow binding."""

    def __init__(self, binding: Any) -> None:
        self._binding = binding

    async def create(self, instance_id: str) -> None:
        """See `Workflow.create`."""
        try:
            await self._binding.create(to_js_object({"id": instance_id}))
        except JsException as error:
            raise _unreachable(error) from error

    async def send(self, instance_id: str, *, event: str) -> None:
        """See `Workflow.send`."""
        try:
            instance = await self._binding.get(instance_id)
            await instance.sendEvent(to_js_object({"type": event, "payload": {}}))
        except JsException as error:
            raise _unreachable(error) from error


def _unreachable(error: JsException) -> UnavailableError:
    return UnavailableError(f"The Workflow cannot be reached: {describe_js_error(error)}")


def create_rate_limiter_client(namespace: Any) -> RateLimiter:
    """Return the limiter behind the namespace of the Durable Object `RateLimiter`."""

    async def call(key: str, method: str, message: str) -> str:
        try:
            result: str = await getattr(namespace.getByName(key), method)(message)
        except JsException as error:
            raise LimiterUnreachableError(describe_js_error(error)) from error
        return result

    return RateLimiter(call)


def create_bindings(env: Any) -> Bindings:
    """Return this worker's bindings, by their names in its wrangler.toml."""
    return Bindings(
        DB=_wrap(D1Database, env, "DB"),
        CACHE=_wrap(KVNamespace, env, "CACHE"),
        RATE_LIMITER=_wrap(create_rate_limiter_client, env, "RATE_LIMITER"),
        AUDIO_STORAGE=_wrap(R2Bucket, env, "AUDIO_STORAGE"),
        IMAGE_STORAGE=_wrap(R2Bucket, env, "IMAGE_STORAGE"),
        RENDER_STORAGE=_wrap(R2Bucket, env, "RENDER_STORAGE"),
        RENDER_WORKFLOW=_wrap(WorkflowBinding, env, "RENDER_WORKFLOW"),
        EXECUTION_WORKFLOW=_wrap(WorkflowBinding, env, "EXECUTION_WORKFLOW"),
        LOADER=_wrap(WorkerLoader, env, "LOADER"),
    )


def _wrap(kind: Any, env: Any, name: str) -> Any:
    binding = getattr(env, name, None)
    return kind(binding) if binding is not None else None
