"""Reads server-sent events out of a byte stream, however it was cut (WHATWG HTML, 9.2.5 and 9.2.6)."""

import codecs
from collections.abc import AsyncIterator

MAX_EVENT_CHARACTERS = 4 * 1024 * 1024
"""A single event longer than this is no event of a provider; the stream is given up."""


async def iterate_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The `data` of each event that has any; names, ids and comments are passed over.

    An event that the stream's end cuts off is dropped, as the standard wants. Raises ValueError for bytes that are not
    UTF-8 and for an event over the limit.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    pending = ""
    data: list[str] = []
    async for chunk in chunks:
        pending += decoder.decode(chunk)
        # A carriage return at the end may be half of a line's end.
        held = "\r" if pending.endswith("\r") else ""
        lines = pending.removesuffix(held).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        pending = lines.pop() + held
        if len(pending) > MAX_EVENT_CHARACTERS:
            raise ValueError("an event is larger than the limit")
        for line in lines:
            if line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
            elif not line and data:
                yield "\n".join(data)
                data = []
    decoder.decode(b"", final=True)
