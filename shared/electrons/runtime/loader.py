"""Cloudflare's Worker Loader binding behind the interface of `trials`.

`load` makes a new isolate, which nobody else gets. Where Python is not served by the loader of a runtime, the result
says so. In the local stack the binding is a service with the same methods (wrangler/loader/).
"""

from __future__ import annotations

import asyncio
import codecs
import inspect
import json
from collections.abc import Sequence
from typing import Any

import js
from pyodide.ffi import JsException, to_js

from electrons.errors import UnavailableError
from electrons.runtime.convert import describe_js_error, from_js_headers, to_js_headers, to_js_object
from electrons.trials import (
    BASE_URL,
    PYTHON_START_SECONDS,
    TrialAnswer,
    TrialCode,
    TrialRequest,
    TrialResult,
    describe_worker_code,
    explain_error,
    is_loader_failure,
    is_start_failure,
)

MAX_BODY_BYTES = 64 * 1024
"""How much of an answer is read."""


class WorkerLoader:
    """A Worker Loader binding."""

    def __init__(self, binding: Any) -> None:
        self._binding = binding

    async def run(
        self, code: TrialCode, requests: Sequence[TrialRequest], *, seconds: float, cpu_ms: int
    ) -> TrialResult:
        """See `Loader.run`."""
        if code.language is None:
            return TrialResult(started=False, not_run=f"{code.main} is neither JavaScript nor Python")
        if code.main not in code.modules:
            return TrialResult(started=False, error=f"There is no file {code.main}")
        worker = await _settled(self._binding.load(_to_js_code(describe_worker_code(code, cpu_ms=cpu_ms))))
        entrypoint = await _settled(worker.getEntrypoint())
        controller = js.AbortController.new()
        answers: list[TrialAnswer] = []
        try:
            async with asyncio.timeout(seconds + (PYTHON_START_SECONDS if code.language == "python" else 0)):
                for request in requests or [TrialRequest()]:
                    try:
                        answers.append(await _send(entrypoint, request, controller.signal))
                    except JsException as error:
                        message = describe_js_error(error)
                        text = explain_error(message, code, cpu_ms=cpu_ms)
                        if is_loader_failure(message):
                            if code.language == "python":
                                return TrialResult(started=False, not_run="The loader does not run Python here")
                            raise UnavailableError(f"The Worker Loader cannot be reached: {text}") from error
                        if is_start_failure(message):
                            return TrialResult(started=False, error=text)
                        answers.append(TrialAnswer(error=text))
        except TimeoutError:
            answers.append(TrialAnswer(error=f"No answer within the {seconds:g} seconds of the trial"))
            unsent = len(requests) - len(answers)
            answers += [TrialAnswer(error="Not sent, because the time was over")] * unsent
        finally:
            controller.abort()
            _dispose(worker)
        return TrialResult(started=True, answers=answers)


async def _send(entrypoint: Any, request: TrialRequest, signal: Any) -> TrialAnswer:
    options: dict[str, Any] = {
        "method": request.method,
        "headers": to_js_headers(request.headers.items()),
        "redirect": "manual",
        "signal": signal,
    }
    if request.body is not None:
        options["body"] = to_js(request.body)
    response = await entrypoint.fetch(BASE_URL + request.path, to_js_object(options))
    content, truncated = await _read(response.body)
    try:
        # The cut may go through the middle of a character.
        body = codecs.getincrementaldecoder("utf-8")().decode(content, final=not truncated)
    except UnicodeDecodeError:
        body = f"<{'more than ' * truncated}{len(content)} bytes>"
    return TrialAnswer(
        status=response.status, headers=from_js_headers(response.headers), body=body, truncated=truncated
    )


async def _settled(value: Any) -> Any:
    """The local stack's binding answers with promises what Cloudflare's answers at once."""
    return await value if inspect.isawaitable(value) else value


async def _read(stream: Any) -> tuple[bytes, bool]:
    """The first `MAX_BODY_BYTES` of a body, and whether there is more."""
    if not stream:
        return b"", False
    reader, content = stream.getReader(), bytearray()
    while not (chunk := await reader.read()).done:
        content += chunk.value.to_bytes()
        if len(content) > MAX_BODY_BYTES:
            reader.cancel()
            return bytes(content[:MAX_BODY_BYTES]), True
    return bytes(content), False


def _to_js_code(code: dict[str, Any]) -> Any:
    """Whole as JSON text, but for what is bytes."""
    modules = code["modules"]
    binary = {path: module for path, module in modules.items() if isinstance(next(iter(module.values())), bytes)}
    text = {path: module for path, module in modules.items() if path not in binary}
    converted = js.JSON.parse(json.dumps({**code, "modules": text}))
    for path, module in binary.items():
        js.Reflect.set(converted.modules, path, to_js_object(module))
    return converted


def _dispose(worker: Any) -> None:
    """Lets the local stack end the trial's process; Cloudflare ends an isolate by itself, and has nothing to call."""
    dispose = js.Reflect.get(worker, js.Symbol.dispose)
    if dispose:
        js.Reflect.apply(dispose, worker, js.Array.new())
