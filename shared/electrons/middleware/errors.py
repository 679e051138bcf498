"""The one boundary at which errors become answers."""

from electrons.context import Context
from electrons.errors import ElectronsError
from electrons.http import Response
from electrons.logs import redact
from electrons.middleware import CallNext


def describe(error: Exception, context: Context) -> ElectronsError:
    """The error as the caller may see it. A foreign one becomes a fixed text, and its traceback goes to the log."""
    if not isinstance(error, ElectronsError):
        context.log.error("failure", cause=error, request_id=context.request_id)
        error = ElectronsError("Internal error; the log has the details under this request_id")
    elif error.status >= 500:
        context.log.warning(
            "failed",
            request_id=context.request_id,
            error=redact(error.message),
            # Not its repr: that of a UnicodeDecodeError holds all the bytes, which are somebody's text.
            cause=redact(f"{type(error.__cause__).__name__}: {error.__cause__}") if error.__cause__ else None,
            details=error.details,
        )
    context.error_code = error.error_code
    return error


async def errors(context: Context, call_next: CallNext) -> Response:
    """Turns whatever the inner layers raise into the one JSON error shape."""
    try:
        return await call_next(context)
    except Exception as error:  # noqa: BLE001  # the edge: everything must become an answer
        known = describe(error, context)
        response = Response.json(known.to_body(context.request_id), status=known.status)
        response.headers += known.headers
        return response
