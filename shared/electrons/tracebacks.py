"""Let errors go of what they keep in memory."""

from __future__ import annotations

from traceback import clear_frames


def release_frames(error: BaseException | None) -> None:
    """Let an error, and what has caused it, go of their frames, and these of their variables.

    They have the body of the request, and one that has the error too makes a circle with it, which would stay until a
    garbage collection.
    """
    seen = set[int]()  # an error may be what has caused its own cause
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        clear_frames(error.__traceback__)
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
