"""Give every request an id: a well-formed inbound `X-Request-ID`, or else a new UUIDv4 (RFC 9562), and a trace."""

import re

from electrons.context import Context
from electrons.http import Request, Response
from electrons.middleware import CallNext
from electrons.randomness import take_bytes
from electrons.tracing import continue_trace

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,128}")


def choose_request_id(request: Request) -> str:
    """Return the inbound id if it is well-formed, or else a new one."""
    inbound = request.headers.get("X-Request-ID")
    return inbound if inbound and _WELL_FORMED.fullmatch(inbound) else _create_uuid()


def _create_uuid() -> str:
    # The module `uuid` does the same in a dozen calls.
    digits = take_bytes(16).hex()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


async def request_id(context: Context, call_next: CallNext) -> Response:
    """Set `context.request_id` and `context.trace`, and send the id in the `X-Request-ID` of the response."""
    context.request_id = choose_request_id(context.request)
    context.trace = continue_trace(context.request.headers.get("traceparent"))
    response = await call_next(context)
    response.headers.append(("X-Request-ID", context.request_id))
    if context.dialect == "anthropic":
        response.headers.append(("request-id", context.request_id))  # where Anthropic's clients look for it
    return response
