"""Take the files out of a JSON response as it comes in, so that no more than one of them is in memory.

A file in base64 within a document is in memory several times: as the body, as a string, and decoded. Here each one is
decoded piece by piece and handed over as soon as it is whole; in the document, a name takes its place. What remains is
small, and is read like any other response.
"""

from __future__ import annotations

import binascii
import io
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator

import httpx2

from electrons.upstream.client import iterate_body
from electrons.upstream.provider import Provider

LONGEST_STRING_BYTES = 256 * 1024
"""A longer string is a file: no prompt, name or message is as long."""

TakeFile = Callable[[str, bytes | None], Awaitable[None]]
"""Takes a file under the name that is in its place, None for one that is not valid base64."""

_PIECE_BYTES = 64 * 1024
_QUOTE_OR_BACKSLASH = re.compile(rb'["\\]')


async def extract_files(provider: Provider, response: httpx2.Response, take: TakeFile) -> httpx2.Response:
    """Return the response with a name in place of each file, after `take` has taken them one by one.

    Raises `ProviderError` for a body that is interrupted or too large, and what `take` raises.
    """
    scanner = FileScanner()
    async for chunk in iterate_body(provider, response):
        for name, content in scanner.feed(chunk):
            await take(name, content)
    return httpx2.Response(
        response.status_code, headers=response.headers, content=scanner.finish(), extensions=response.extensions
    )


class FileScanner:
    """The state between two chunks of a JSON text in UTF-8. What is not JSON comes out as it went in."""

    def __init__(self, *, longest_string_bytes: int = LONGEST_STRING_BYTES) -> None:
        self._longest = longest_string_bytes
        self._document = bytearray()
        self._string = bytearray()
        self._in_string = self._escaped = self._has_escapes = False
        self._file: _Base64Decoder | None = None
        # A document that is made up to contain a name cannot guess it.
        self._prefix = f"file-{secrets.token_hex(8)}-"
        self._count = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bytes | None]]:
        """Yield the name and the content of each file that ends in the chunk."""
        for start in range(0, len(chunk), _PIECE_BYTES):
            yield from self._feed(chunk[start : start + _PIECE_BYTES])

    def finish(self) -> bytes:
        """Return the document without its files."""
        return bytes(self._document + self._string)

    def _feed(self, piece: bytes) -> Iterator[tuple[str, bytes | None]]:
        at = 0
        while at < len(piece):
            if self._file is not None:
                end = piece.find(b'"', at)
                self._file.write(piece[at : len(piece) if end < 0 else end])
                if end < 0:
                    return
                at = end + 1
                yield self._end_file(self._file)
            elif self._in_string:
                at = self._read_string(piece, at)
            else:
                quote = piece.find(b'"', at)
                at, start = (len(piece) if quote < 0 else quote + 1), at
                self._document += piece[start:at]
                self._in_string = quote >= 0

    def _read_string(self, piece: bytes, at: int) -> int:
        """Read on in a string, and return where to go on."""
        if self._escaped:
            self._string.append(piece[at])
            self._escaped = False
            return at + 1
        found = _QUOTE_OR_BACKSLASH.search(piece, at)
        end = found.end() if found else len(piece)
        self._string += piece[at:end]
        if found is None:
            # Base64 has no escapes.
            if len(self._string) > self._longest and not self._has_escapes:
                self._file = _Base64Decoder()
                self._file.write(bytes(self._string))
                self._string.clear()
        elif found[0] == b"\\":
            self._escaped = self._has_escapes = True
        else:
            self._document += self._string
            self._string.clear()
            self._in_string = self._has_escapes = False
        return end

    def _end_file(self, file: _Base64Decoder) -> tuple[str, bytes | None]:
        name = f"{self._prefix}{self._count}"
        self._count += 1
        self._document += f'{name}"'.encode()
        self._file = None
        self._in_string = False
        return name, file.finish()


class _Base64Decoder:
    """Decodes base64 (RFC 4648, 4) in pieces."""

    def __init__(self) -> None:
        self._content = io.BytesIO()
        self._rest = b""
        self._is_valid = True
        self._is_padded = False

    def write(self, piece: bytes) -> None:
        """Decode a further piece."""
        if not (self._is_valid and piece):
            return
        text = self._rest + piece
        whole = len(text) - len(text) % 4
        self._rest = text[whole:]
        try:
            self._content.write(binascii.a2b_base64(text[:whole], strict_mode=True))
        except ValueError:
            self._is_valid = False
        if self._is_padded or not self._is_valid:
            self._is_valid = False
            self._content = io.BytesIO()
        self._is_padded = text[:whole].endswith(b"=")

    def finish(self) -> bytes | None:
        """Return the content, None if it was not valid base64."""
        return self._content.getvalue() if self._is_valid and not self._rest else None
