"""Cloudflare's Worker Loader binding behind the protocols `Loader` and `LoadedWorker`.

In the local stack the binding is a service with the same methods (wrangler/loader/).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pyodide.ffi import JsException, to_js

from electrons.bindings import LoadedRequest, LoadedResponse, LoaderError
from electrons.runtime.convert import describe_js_error, from_js_headers, read_stream, to_js_object
from electrons.runtime.js_globals import js


class WorkerLoader:
    """A Worker Loader binding."""

    def __init__(self, binding: Any) -> None:
        self._binding = binding

    async def load(self, code: Mapping[str, Any]) -> LoadedIsolate:
        """See `Loader.load`."""
        try:
            worker = await _settle(self._binding.load(_to_js_code(code)))
            return LoadedIsolate(worker, await _settle(worker.getEntrypoint()))
        except JsException as error:
            raise LoaderError(describe_js_error(error)) from error


class LoadedIsolate:
    """See `LoadedWorker`."""

    def __init__(self, worker: Any, entrypoint: Any) -> None:
        self._worker = worker
        self._entrypoint = entrypoint
        self._controller = js.AbortController.new()

    async def fetch(self, request: LoadedRequest, *, max_body_bytes: int) -> LoadedResponse:
        """See `LoadedWorker.fetch`."""
        headers = [*request.headers.items()]
        options = to_js_object({"method": request.method, "headers": headers, "redirect": "manual"})
        options.signal = self._controller.signal
        if request.body is not None:
            options.body = to_js(request.body)
        try:
            response = await self._entrypoint.fetch(request.url, options)
            body, truncated = await read_stream(response.body, max_body_bytes)
        except JsException as error:
            raise LoaderError(describe_js_error(error)) from error
        headers = from_js_headers(response.headers)
        return LoadedResponse(status=response.status, headers=headers, body=body, truncated=truncated)

    def close(self) -> None:
        """See `LoadedWorker.close`. Only in the local stack is there something to dispose of: a process."""
        self._controller.abort()
        dispose = js.Reflect.get(self._worker, js.Symbol.dispose)
        if dispose:
            js.Reflect.apply(dispose, self._worker, js.Array.new())


async def _settle(value: Any) -> Any:
    """Await the promise of the local stack's binding; Cloudflare's returns its values directly."""
    return await value if inspect.isawaitable(value) else value


def _to_js_code(code: Mapping[str, Any]) -> Any:
    """Convert a `WorkerCode` object: as one JSON string, except for modules that are bytes."""
    modules = code["modules"]
    binary = {path: module for path, module in modules.items() if isinstance(next(iter(module.values())), bytes)}
    text = {path: module for path, module in modules.items() if path not in binary}
    converted = to_js_object({**code, "modules": text})
    for path, module in binary.items():
        js.Reflect.set(converted.modules, path, to_js(module, dict_converter=js.Object.fromEntries))
    return converted
