"""D1, KV and the rate limiter's Durable Object, behind the interfaces of `storage` and `ratelimit`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import js
from pyodide.ffi import JsException, jsnull

from electrons.ratelimit.limiter import LimiterUnreachableError, Verdict
from electrons.runtime.convert import describe_js_error, to_js_object
from electrons.storage.bindings import Bindings, Row, Value


class D1Database:
    """A D1 binding."""

    def __init__(self, binding: Any) -> None:
        self._binding = binding

    async def query(self, statement: str, *parameters: Value) -> list[Row]:
        """See `Database.query`."""
        result = await self._prepare(statement, parameters).all()
        rows: list[Row] = json.loads(js.JSON.stringify(result.results))
        return rows

    async def execute(self, statement: str, *parameters: Value) -> None:
        """See `Database.execute`."""
        await self._prepare(statement, parameters).run()

    def _prepare(self, statement: str, parameters: tuple[Value, ...]) -> Any:
        prepared = self._binding.prepare(statement)
        if not parameters:
            return prepared
        # Python's None would become undefined, which D1 refuses.
        return prepared.bind(*(jsnull if value is None else value for value in parameters))


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


class DurableRateLimiter:
    """The namespace of the Durable Object `RateLimiter`, one object per key."""

    def __init__(self, namespace: Any) -> None:
        self._namespace = namespace

    async def reserve(self, key: str, *, reservation_id: str | None, policy: str, costs: Mapping[str, int]) -> Verdict:
        """See `RateLimiter.reserve`."""
        message = json.dumps({"id": reservation_id, "policy": policy, "costs": costs})
        answer = json.loads(await self._call(key, "reserve", message))
        return Verdict(
            allowed=answer["allowed"],
            headers=[(name, value) for name, value in answer["headers"]],
            violated=tuple(answer["violated"]),
            impossible=answer["impossible"],
        )

    async def settle(self, key: str, *, reservation_id: str, policy: str, actual: Mapping[str, int]) -> None:
        """See `RateLimiter.settle`."""
        await self._call(key, "settle", json.dumps({"id": reservation_id, "policy": policy, "actual": actual}))

    async def _call(self, key: str, method: str, message: str) -> Any:
        try:
            return await getattr(self._namespace.getByName(key), method)(message)
        except JsException as error:
            raise LimiterUnreachableError(describe_js_error(error)) from error


def create_bindings(env: Any) -> Bindings:
    """What this worker has bound, by the names that its wrangler.toml gives."""
    return Bindings(
        DB=_wrap(D1Database, env, "DB"),
        CACHE=_wrap(KVNamespace, env, "CACHE"),
        RATE_LIMITER=_wrap(DurableRateLimiter, env, "RATE_LIMITER"),
    )


def _wrap(kind: Any, env: Any, name: str) -> Any:
    binding = getattr(env, name, None)
    return kind(binding) if binding is not None else None
