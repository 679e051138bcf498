"""Answers that are files: one body with `Content-Length`, an `ETag`, and single byte ranges (RFC 9110, section 14)."""

import re
from zlib import crc32

from .vendor import Answer, Call, Headers

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def media_answer(call: Call, content: bytes, *, content_type: str) -> Answer:
    """The file, the part that `Range` asks for (206), or 416.

    What is no single range, or comes with an `If-Range` that fails, gets the whole file.
    """
    size = len(content)
    tag = f'"{size:x}-{crc32(content):08x}"'
    headers: Headers = [
        (b"content-type", content_type.encode()),
        (b"accept-ranges", b"bytes"),
        (b"etag", tag.encode()),
        (b"cache-control", b"public, max-age=31536000"),
    ]
    asked = _RANGE.fullmatch(call.headers.get("range", ""))
    if asked is None or call.headers.get("if-range", tag) != tag:
        return Answer(200, headers, [content])
    first, last = asked.groups()
    if not (first or last) or (first and last and int(first) > int(last)):
        return Answer(200, headers, [content])
    # Without a first byte, the number is how many of the last ones are wanted.
    start = int(first) if first else max(0, size - int(last))
    end = min(size - 1, int(last)) if first and last else size - 1
    if start > end:
        return Answer(416, [*headers, (b"content-range", b"bytes */%d" % size)], [])
    part = content[start : end + 1]
    return Answer(206, [*headers, (b"content-range", b"bytes %d-%d/%d" % (start, end, size))], [part])
