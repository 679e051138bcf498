"""Files that a provider made, stored in R2 and served to everyone who knows their name, which cannot be guessed.

    AUDIO = MediaFolder(bucket="AUDIO_STORAGE", path="/audio", not_found="…", content_types=("audio/mpeg",))
    app.serve_media(AUDIO)                                          # GET, HEAD /audio/{name}; public

    name = new_name("mp3")                                          # "5f0c…e1.mp3", 128 random bits
    await AUDIO.put_bytes(context, name, content, content_type="audio/mpeg", provider="elevenlabs", model="…")
    url = AUDIO.url(context, name)                                  # "https://…/audio/5f0c…e1.mp3"

A body that is not read here goes from the provider to R2 without passing through Python, whatever its size:

    async with open_response(context, provider, request) as response:
        stored = await FILES.put_stream(context, name, response, content_type="video/mp4", provider=provider, model="…")

A name is `new_name(extension)`, or one's own random id (a UUIDv4) with an extension. A key is always the folder's path
and such a name; any other name is a file that does not exist. A file is visible when all of it is stored.

Serving follows RFC 9110: `ETag`, `Last-Modified`, `If-None-Match`, `If-Modified-Since` (304), single ranges (206, 416),
`If-Range`. Several ranges at once get the whole file, which the RFC allows (14.2).
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import NoReturn
from urllib.parse import urlsplit

import httpx2

from electrons.bindings import Bindings, BucketName, ObjectStore, ObjectTooLargeError, StoredObject
from electrons.context import Context
from electrons.errors import NotFoundError, ProviderError, RangeNotSatisfiableError
from electrons.http import Headers, Passthrough, Response
from electrons.logs import timestamp
from electrons.settings import Settings
from electrons.upstream.provider import Provider

MAX_STREAM_BYTES = 2 * 1024 * 1024 * 1024
"""The largest file that `put_stream` takes by default."""

_PAGE_FILES = 250
_LISTED_PAGES = 4

_NAME = re.compile(r"[A-Za-z0-9_-]{22,64}\.[a-z0-9]{2,5}")
_RANGE = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


def new_name(extension: str) -> str:
    """Return a name that cannot be guessed: 128 random bits, hexadecimal, and the extension."""
    return f"{secrets.token_hex(16)}.{extension}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFolder:
    """The files of one kind: `path` is the route's (`/audio`), and also the prefix of their keys in the bucket.

    `not_found` is the error text for a file that does not exist, `content_types` are for the reference.
    """

    bucket: BucketName
    path: str
    not_found: str
    content_types: tuple[str, ...]

    def check(self, _settings: Settings, bindings: Bindings) -> None:
        """Raise `ConfigurationError` if the bucket is not bound."""
        bindings.bucket(self.bucket)

    def url(self, context: Context, name: str) -> str:
        """Return the URL of a file: below `PUBLIC_BASE_URL` if that is set, else where the request came in."""
        parts = urlsplit(context.request.url)
        base = context.settings.public_base_url.rstrip("/") or f"{parts.scheme}://{parts.netloc}"
        return f"{base}{self.path}/{name}"

    async def put_bytes(
        self, context: Context, name: str, content: bytes, *, content_type: str, provider: str, model: str
    ) -> StoredObject:
        """Store a file that is in memory. Raises `UnavailableError`."""
        return await self._store(context).put(
            self._key(name), content, content_type=content_type, metadata=_metadata(context, provider, model)
        )

    async def put_stream(
        self,
        context: Context,
        name: str,
        response: httpx2.Response,
        *,
        content_type: str,
        provider: Provider,
        model: str,
        max_bytes: int = MAX_STREAM_BYTES,
    ) -> StoredObject:
        """Store the unread body of a response. An empty body is not a file.

        Raises `ProviderError` if the body is interrupted, empty or longer than `max_bytes`, and `UnavailableError`.
        Python does not see the pieces, so only `TOTAL_TIMEOUT_SECONDS` ends a body that stalls.
        """
        if not isinstance(response.stream, httpx2.AsyncByteStream):
            raise TypeError("the response is not from an asynchronous transport")
        try:
            return await self._store(context).put(
                self._key(name),
                response.stream,
                content_type=content_type,
                metadata=_metadata(context, provider.name, model),
                max_bytes=max_bytes,
            )
        except ObjectTooLargeError as error:
            message = f"{provider.title}'s file is larger than {max_bytes} bytes"
            raise ProviderError(message, provider=provider.name) from error
        except httpx2.TransportError as error:
            raise ProviderError(f"{provider.title}'s response was interrupted", provider=provider.name) from error

    async def serve(self, context: Context, name: str) -> Response:
        """Return the response to GET or HEAD for a file. Raises `NotFoundError` and `RangeNotSatisfiableError`."""
        if not _NAME.fullmatch(name):
            raise NotFoundError(self.not_found)
        key, store, request = self._key(name), self._store(context), context.request
        is_conditional = any(request.headers.get(field) for field in ("Range", "If-None-Match", "If-Modified-Since"))
        if request.method != "HEAD" and not is_conditional:
            found = await store.get(key) or self._missing()
            return Response(headers=_headers(found[0], found[0].size), body=found[1])

        stored = await store.head(key) or self._missing()
        if _is_known(request.headers, stored):
            return Response(status=304, headers=_headers(stored, None))
        # A range is defined for GET only (RFC 9110, 14.2).
        part = None if request.method == "HEAD" else _parse_range(request.headers, stored)
        if part is None:
            body = None if request.method == "HEAD" else (await store.get(key) or self._missing())[1]
            return Response(headers=_headers(stored, stored.size), body=body)
        first, last = part
        _, body = await store.get(key, offset=first, length=last - first + 1) or self._missing()
        headers = [*_headers(stored, last - first + 1), ("Content-Range", f"bytes {first}-{last}/{stored.size}")]
        return Response(status=206, headers=headers, body=body)

    async def open(self, context: Context, name: str) -> tuple[StoredObject, Passthrough] | None:
        """Return a file with its content, None if there is none. Raises `UnavailableError`."""
        return await self._store(context).get(self._key(name))

    async def delete_old_files(self, context: Context) -> int:
        """Delete files that are older than `MEDIA_KEEP_DAYS`, and return how many. Raises `UnavailableError`."""
        keep_days = context.settings.media_keep_days
        return await self.delete_older(context, timedelta(days=keep_days)) if keep_days else 0

    async def delete_older(self, context: Context, age: timedelta) -> int:
        """Delete files that are older, and return how many. Raises `UnavailableError`.

        One call looks at a thousand files. Names are random, so it begins at a random one: many calls see all files,
        and nothing has to be remembered between them.
        """
        store, prefix, deleted = self._store(context), self._prefix, 0
        oldest = datetime.now(UTC) - age
        start_after = prefix + secrets.token_hex(16)
        for _ in range(_LISTED_PAGES):
            found = await store.list(prefix=prefix, start_after=start_after, limit=_PAGE_FILES)
            if old := [key for key, stored_at in found if stored_at < oldest]:
                await store.delete(old)
                deleted += len(old)
            start_after = found[-1][0] if len(found) == _PAGE_FILES else prefix
        return deleted

    def _store(self, context: Context) -> ObjectStore:
        return context.bindings.bucket(self.bucket)

    def _key(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"not the name of a stored file: {name!r}")
        return self._prefix + name

    @property
    def _prefix(self) -> str:
        return f"{self.path.strip('/')}/"

    def _missing(self) -> NoReturn:
        raise NotFoundError(self.not_found)


def _metadata(context: Context, provider: str, model: str) -> dict[str, str]:
    """Return what is stored with a file about its origin; the labels are nowhere else in the store."""
    facts = {
        "worker": context.service,
        "request_id": context.request_id,
        "provider": provider,
        "model": model,
        "created": timestamp(),
        "instance_id": context.labels.instance_id,
        "project_id": context.labels.project_id,
    }
    return {name: value for name, value in facts.items() if value}


def _headers(stored: StoredObject, length: int | None) -> list[tuple[str, str]]:
    headers = [
        ("ETag", stored.etag),
        ("Last-Modified", format_datetime(stored.uploaded, usegmt=True)),
        ("Cache-Control", "public, max-age=31536000, immutable"),
        ("Accept-Ranges", "bytes"),
    ]
    if length is not None:
        # The stored type, not what a browser would guess from the bytes.
        headers += [
            ("Content-Type", stored.content_type),
            ("Content-Length", str(length)),
            ("X-Content-Type-Options", "nosniff"),
        ]
    return headers


def _is_known(headers: Headers, stored: StoredObject) -> bool:
    """Return whether the caller's copy is current (RFC 9110, 13.1.2 and 13.1.3; an entity tag comes before a date)."""
    if tags := headers.get("If-None-Match"):
        return tags.strip() == "*" or stored.etag in {tag.strip().removeprefix("W/") for tag in tags.split(",")}
    since = _parse_date(headers.get("If-Modified-Since"))
    return since is not None and stored.uploaded.replace(microsecond=0) <= since


def _parse_range(headers: Headers, stored: StoredObject) -> tuple[int, int] | None:
    """Return the first and the last requested byte, None for the whole file. Raises `RangeNotSatisfiableError`."""
    found = _RANGE.fullmatch(headers.get("Range") or "")
    if found is None or found.groups() == ("", "") or not _may_be_a_part(headers.get("If-Range"), stored):
        return None
    start, end = found.groups()
    last = stored.size - 1
    if not start:  # the last `end` bytes
        if int(end) == 0 or not stored.size:
            raise RangeNotSatisfiableError(stored.size)
        return max(0, stored.size - int(end)), last
    if end and int(end) < int(start):
        return None
    if int(start) > last:
        raise RangeNotSatisfiableError(stored.size)
    return int(start), min(int(end), last) if end else last


def _may_be_a_part(validator: str | None, stored: StoredObject) -> bool:
    """Return whether the file is still the one that the caller has a part of (RFC 9110, 13.1.5; strong comparison)."""
    if not validator or validator.strip() == stored.etag:
        return True
    return _parse_date(validator) == stored.uploaded.replace(microsecond=0)


def _parse_date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
