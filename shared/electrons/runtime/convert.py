"""Convert values between Python and JavaScript."""

from functools import cache
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json
from pyodide.ffi import JsException, to_js

from electrons.runtime.js_globals import js

_TEXT_BYTES = 16 * 1024
"""Up to this size, making a string costs less than making a buffer."""


def to_js_object(value: Any) -> Any:
    """Return a JSON value as plain JavaScript objects and arrays, in one crossing."""
    return _functions().parse(to_json(value).decode())


def new_promise() -> Any:
    """Return a promise of JavaScript's own, with what settles it: `promise`, `resolve`, `reject`.

    A promise that a call returns costs a future and two proxies.
    """
    return _functions().new_promise()


@cache
def js_constant(text: str) -> Any:
    """Return a JSON text as plain JavaScript objects, the same ones each time: nobody may change them."""
    return js.JSON.parse(text)


def to_js_body(content: bytes) -> Any:
    """Return a body as JavaScript takes it best: short text as a string, which needs no buffer and no proxy."""
    return content.decode() if len(content) <= _TEXT_BYTES and content.isascii() else to_js(content)


def from_js_headers(headers: Any) -> list[tuple[str, str]]:
    """Return the fields of a `Headers` object, in one crossing."""
    functions = _functions()
    return [(name, value) for name, value in from_json(functions.stringify(functions.to_array(headers)))]


class _Functions(NamedTuple):
    """Functions of JavaScript's, each of which would otherwise be looked up for each call."""

    parse: Any
    stringify: Any
    to_array: Any
    new_promise: Any


@cache
def _functions() -> _Functions:
    # On first use, because a memory snapshot must not hold them.
    return _Functions(js.JSON.parse, js.JSON.stringify, js.Array.from_, js.Promise.withResolvers)


async def read_stream(stream: Any, max_bytes: int) -> tuple[bytes, bool]:
    """Return at most `max_bytes` of a `ReadableStream` (or null), and whether there are more."""
    if not stream:
        return b"", False
    reader, content = stream.getReader(), bytearray()
    while not (chunk := await reader.read()).done:
        content += chunk.value.to_bytes()
        if len(content) > max_bytes:
            reader.cancel()
            return bytes(content[:max_bytes]), True
    return bytes(content), False


def describe_js_error(error: JsException) -> str:
    """Return the name and message of a JavaScript exception."""
    return f"{getattr(error, 'name', 'Error')}: {getattr(error, 'message', error)}"
