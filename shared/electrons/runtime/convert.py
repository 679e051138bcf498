"""Convert values between Python and JavaScript."""

import json
from collections.abc import Iterable
from typing import Any

import js
from pyodide.ffi import JsException, to_js


def to_js_object(value: dict[str, Any]) -> Any:
    """Return a plain JavaScript object; `to_js` alone would make a Map."""
    return to_js(value, dict_converter=js.Object.fromEntries)


def to_js_headers(pairs: Iterable[tuple[str, str]]) -> Any:
    """Return an array of pairs, which every Fetch API takes as headers and which keeps repeated fields."""
    return to_js([[name, value] for name, value in pairs])


def from_js_headers(headers: Any) -> list[tuple[str, str]]:
    """Return the fields of a `Headers` object, in one crossing."""
    return [(name, value) for name, value in json.loads(js.JSON.stringify(js.Array.from_(headers)))]


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
