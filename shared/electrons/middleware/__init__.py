"""What every request passes, one file each; `app.py` has their order.

A middleware is `async def name(context, call_next) -> Response`; it calls `call_next(context)` at most once.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from electrons.context import Context
from electrons.http import Response

CallNext = Callable[[Context], Awaitable[Response]]


class Middleware(Protocol):
    """What a request passes."""

    def __call__(self, context: Context, call_next: CallNext) -> Awaitable[Response]:
        """Return the response to the request."""
