"""R2 behind the protocol `ObjectStore`: contents go from stream to stream inside the runtime, not through Python.

R2 takes a stream of a known length, and makes the object visible when all of it has come. A stream of unknown length is
cut into parts of `PART_BYTES` that make a multipart upload; what fits into one part is put whole.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2
from pyodide.ffi import JsException, jsnull, to_js

from electrons.bindings import ObjectTooLargeError, StoredObject
from electrons.errors import UnavailableError
from electrons.http import Passthrough
from electrons.runtime.convert import describe_js_error, to_js_object
from electrons.runtime.fetch_stream import FetchStream
from electrons.runtime.js_globals import js

PART_BYTES = 8 * 1024 * 1024
"""R2 requires parts of 5 MiB at least, all but the last of one size; one part at a time is in memory."""

# R2's own errors end with a number; the error of an interrupted stream does not.
_R2_ERROR = re.compile(r"\(\d{5}\)\s*$")


class R2Body:
    """The content of an object on its way out."""

    def __init__(self, readable: Any, *, size: int) -> None:
        self.readable = readable
        self.size: int | None = size


class R2Bucket:
    """An R2 binding."""

    def __init__(self, binding: Any) -> None:
        self._binding = binding

    async def put(
        self,
        key: str,
        body: bytes | httpx2.AsyncByteStream,
        *,
        content_type: str,
        metadata: Mapping[str, str],
        max_bytes: int | None = None,
    ) -> StoredObject:
        """See `ObjectStore.put`."""
        options: dict[str, Any] = {
            "httpMetadata": {"contentType": content_type},
            "customMetadata": dict(metadata),
        }
        try:
            if isinstance(body, bytes):
                # R2 compares it with what it has received.
                options["sha256"] = hashlib.sha256(body).hexdigest()
                stored = await self._binding.put(key, to_js(body), to_js_object(options))
            elif isinstance(body, FetchStream):
                stored = await self._put_stream(key, body, options, max_bytes)
            else:
                raise TypeError(f"not a stream of the runtime: {body!r}")
        except JsException as error:
            raise _explain(error, streamed=not isinstance(body, bytes)) from error
        return _describe(stored)

    async def head(self, key: str) -> StoredObject | None:
        """See `ObjectStore.head`."""
        try:
            found = await self._binding.head(key)
        except JsException as error:
            raise _explain(error) from error
        return None if found is jsnull or found is None else _describe(found)

    async def list(self, *, prefix: str, start_after: str, limit: int) -> Sequence[tuple[str, datetime]]:
        """See `ObjectStore.list`."""
        found: list[tuple[str, datetime]] = []
        try:
            while len(found) < limit:
                wanted = {"prefix": prefix, "startAfter": start_after, "limit": limit - len(found)}
                page = await self._binding.list(to_js_object(wanted))
                found += [
                    (item.key, datetime.fromtimestamp(item.uploaded.getTime() / 1000, UTC)) for item in page.objects
                ]
                if not page.truncated:
                    break
                start_after = found[-1][0]
        except JsException as error:
            raise _explain(error) from error
        return found

    async def delete(self, keys: Sequence[str]) -> None:
        """See `ObjectStore.delete`."""
        try:
            await self._binding.delete(to_js(list(keys)))
        except JsException as error:
            raise _explain(error) from error

    async def get(
        self, key: str, *, offset: int = 0, length: int | None = None
    ) -> tuple[StoredObject, Passthrough] | None:
        """See `ObjectStore.get`."""
        try:
            if length is None and not offset:
                found = await self._binding.get(key)
            else:
                wanted = {"offset": offset} if length is None else {"offset": offset, "length": length}
                found = await self._binding.get(key, to_js_object({"range": wanted}))
        except JsException as error:
            raise _explain(error) from error
        if found is jsnull or found is None:
            return None
        stored = _describe(found)
        return stored, R2Body(found.body, size=stored.size - offset if length is None else length)

    async def _put_stream(self, key: str, body: FetchStream, options: dict[str, Any], max_bytes: int | None) -> Any:
        limit = float("inf") if max_bytes is None else max_bytes
        if body.readable is None or body.size == 0:
            raise httpx2.ReadError("the stream is empty")
        if body.size is not None:
            if body.size > limit:
                raise ObjectTooLargeError
            return await self._binding.put(key, body.readable, to_js_object(options))
        reader = body.readable.getReader(to_js_object({"mode": "byob"}))
        part = await _read_part(reader)
        if not part.byteLength:
            raise httpx2.ReadError("the stream is empty")
        if part.byteLength > limit:
            raise ObjectTooLargeError
        if part.byteLength < PART_BYTES:
            return await self._binding.put(key, part, to_js_object(options))
        return await self._put_parts(key, reader, part, options, limit)

    async def _put_parts(self, key: str, reader: Any, part: Any, options: dict[str, Any], limit: float) -> Any:
        upload = await self._binding.createMultipartUpload(key, to_js_object(options))
        try:
            uploaded, size = js.Array.new(), 0
            while part.byteLength:
                size += part.byteLength
                if size > limit:
                    raise ObjectTooLargeError
                uploaded.push(await upload.uploadPart(uploaded.length + 1, part))
                part = await _read_part(reader)
            return await upload.complete(uploaded)
        except BaseException:
            # R2 removes it by itself after a week; until then it would be paid for.
            upload.abort()
            raise


async def _read_part(reader: Any) -> Any:
    """Return the next `PART_BYTES`, fewer at the stream's end, none after it, as a `Uint8Array` that is not copied."""
    return (await reader.readAtLeast(PART_BYTES, js.Uint8Array.new(PART_BYTES))).value


def _describe(found: Any) -> StoredObject:
    return StoredObject(
        key=found.key,
        size=found.size,
        etag=found.httpEtag,
        uploaded=datetime.fromtimestamp(found.uploaded.getTime() / 1000, UTC),
        content_type=getattr(found.httpMetadata, "contentType", None) or "application/octet-stream",
        metadata=json.loads(js.JSON.stringify(found.customMetadata)),
        checksums=json.loads(js.JSON.stringify(found.checksums)),
    )


def _explain(error: JsException, *, streamed: bool = False) -> Exception:
    """Return the error: an interrupted stream is its source's failure, everything else the store's."""
    message = describe_js_error(error)
    if streamed and not _R2_ERROR.search(message):
        return httpx2.ReadError(message)
    return UnavailableError("The object store cannot be reached; try again shortly", code="STORAGE_UNAVAILABLE")
