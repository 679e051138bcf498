"""Read server-sent events from a byte stream that may be cut anywhere (WHATWG HTML, 9.2.5 and 9.2.6)."""

import codecs
import io
from collections.abc import AsyncGenerator, AsyncIterator

MAX_EVENT_CHARACTERS = 4 * 1024 * 1024
"""The longest event that is read; no provider sends longer ones."""


async def iterate_events(chunks: AsyncIterator[bytes]) -> AsyncGenerator[list[str], None]:
    """Iterate over the `data` of the events that have any, those that come together in one list.

    Names, ids and comments are ignored.

    An event that is cut off by the end of the stream is dropped, as the standard requires. Raises ValueError for bytes
    that are not UTF-8 and for an event over the limit.
    """
    parser = EventParser()
    async for chunk in chunks:
        if events := parser.feed(chunk):
            yield events
    if events := parser.feed(b"", final=True):
        yield events


class EventParser:
    """The state between two chunks of the stream."""

    def __init__(self) -> None:
        # utf-8-sig drops a byte order mark at the beginning; the newline decoder makes CR and CRLF one LF.
        utf8 = codecs.getincrementaldecoder("utf-8-sig")()
        self._decoder = io.IncrementalNewlineDecoder(utf8, translate=True)
        self._line = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, chunk: bytes, *, final: bool = False) -> list[str]:
        """Return the `data` of each event that is whole. Raises what `iterate_events` raises."""
        *lines, self._line = (self._line + self._decoder.decode(chunk, final)).split("\n")
        events = []
        for line in lines:
            if line.startswith("data:"):
                self._data.append(line[5:].removeprefix(" "))
                self._size += len(line)
            elif not line and self._data:
                events.append("\n".join(self._data))
                self._data, self._size = [], 0
        if self._size + len(self._line) > MAX_EVENT_CHARACTERS:
            raise ValueError("an event is larger than the limit")
        return events
