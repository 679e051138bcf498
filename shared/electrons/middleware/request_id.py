"""Gives every request an id: a well-formed inbound `X-Request-ID` is kept, else a UUIDv4 is made (RFC 9562)."""

import re
import uuid

from electrons.context import Context
from electrons.http import Request, Response
from electrons.middleware import CallNext

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,128}")


def choose_request_id(request: Request) -> str:
    """The inbound id if it is well-formed, else a new one."""
    given = request.headers.get("X-Request-ID")
    return given if given and _WELL_FORMED.fullmatch(given) else str(uuid.uuid4())


async def request_id(context: Context, call_next: CallNext) -> Response:
    """Sets `context.request_id` and answers with it in `X-Request-ID`."""
    context.request_id = choose_request_id(context.request)
    response = await call_next(context)
    response.headers.append(("X-Request-ID", context.request_id))
    return response
