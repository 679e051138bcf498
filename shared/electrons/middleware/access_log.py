"""Log one line per request once its response is out, with what the call to a provider used."""

from electrons.context import Context
from electrons.http import Response
from electrons.middleware import CallNext


async def access_log(context: Context, call_next: CallNext) -> Response:
    """Record the status and defer the line, so that a stream is logged with its real duration and end.

    The line is deferred first, so a request whose caller leaves early is logged too.
    """

    def write() -> None:
        usage = context.usage
        context.log.info(
            "request",
            request_id=context.request_id,
            trace_id=context.trace.trace_id,
            span_id=context.trace.span_id,
            method=context.request.method,
            route=context.route_path,
            status=context.status,
            ms=context.elapsed_ms(),
            error_code=context.error_code,
            provider=usage.provider if usage else None,
            model=usage.model if usage else None,
            upstream_ms=usage.upstream_ms if usage else None,
            input_units=usage.input_at_most if usage else None,
            output_units=usage.output_at_most if usage else None,
        )

    context.defer(write)
    response = await call_next(context)
    context.status = response.status
    return response
