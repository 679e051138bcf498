"""Responses that are files: one body with `Content-Length`, an `ETag`, and single byte ranges (RFC 9110, 14)."""

import re
from zlib import crc32

from .vendor import Call, Headers, Response

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def media_response(call: Call, content: bytes, *, content_type: str) -> Response:
    """Return the file (200), the part that `Range` requests (206), or 416.

    Several ranges, an invalid one, or one with an `If-Range` that does not match, get the whole file.
    """
    size = len(content)
    tag = f'"{size:x}-{crc32(content):08x}"'
    headers: Headers = [
        (b"content-type", content_type.encode()),
        (b"accept-ranges", b"bytes"),
        (b"etag", tag.encode()),
        (b"cache-control", b"public, max-age=31536000"),
    ]
    requested = _RANGE.fullmatch(call.headers.get("range", ""))
    if requested is None or call.headers.get("if-range", tag) != tag:
        return Response(200, headers, [content])
    first, last = requested.groups()
    if not (first or last) or (first and last and int(first) > int(last)):
        return Response(200, headers, [content])
    # Without a first byte, the number says how many bytes at the end are requested.
    start = int(first) if first else max(0, size - int(last))
    end = min(size - 1, int(last)) if first and last else size - 1
    if start > end:
        return Response(416, [*headers, (b"content-range", b"bytes */%d" % size)], [])
    part = content[start : end + 1]
    return Response(206, [*headers, (b"content-range", b"bytes %d-%d/%d" % (start, end, size))], [part])
