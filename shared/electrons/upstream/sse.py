"""Read server-sent events from a byte stream that may be cut anywhere (WHATWG HTML, 9.2.5 and 9.2.6)."""

import codecs
import io

MAX_EVENT_CHARACTERS = 4 * 1024 * 1024
"""The longest event that is read; no provider sends longer ones."""


class EventParser:
    """Finds the `data` of events that have any; names, ids and comments are ignored.

    An event that is cut off by the end of the stream is dropped, as the standard requires.
    """

    def __init__(self) -> None:
        self._newlines = io.IncrementalNewlineDecoder(None, translate=True)  # makes CR and CRLF one LF
        self._has_begun = False
        self._rest = b""
        self._line = ""
        self._data: str | None = None

    def feed(self, chunk: bytes, *, final: bool = False) -> list[str]:
        """Return the `data` of each event that is whole with the next bytes.

        Raises ValueError for bytes that are not UTF-8, and for an event over the limit.
        """
        content = self._rest + chunk
        text, size = codecs.utf_8_decode(content, "strict", final)
        self._rest = content[size:]
        if not self._has_begun and text:
            self._has_begun, text = True, text.removeprefix("\ufeff")  # a byte order mark
        *lines, line = (self._line + self._newlines.decode(text, final)).split("\n")
        events, data = [], self._data
        for whole in lines:
            if whole[:5] == "data:":
                value = whole[6:] if whole[5:6] == " " else whole[5:]
                data = value if data is None else f"{data}\n{value}"
            elif not whole and data is not None:
                events.append(data)
                data = None
        self._line, self._data = line, data
        if (line or data) and len(line) + len(data or "") > MAX_EVENT_CHARACTERS:
            raise ValueError("an event is larger than the limit")
        return events
