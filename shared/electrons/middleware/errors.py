"""The one boundary at which errors become responses."""

from __future__ import annotations

import re
from typing import Any

from electrons.context import Context
from electrons.dialects import anthropic, openai
from electrons.dialects.failures import describe_failure
from electrons.errors import DeploymentFailedError, ElectronsError, ProviderError
from electrons.http import Response
from electrons.logs import describe_exception, redact
from electrons.middleware import CallNext
from electrons.tracebacks import release_frames

_NAMES = {"provider", "code", "provider_request_id", "outcome", "render_id", "execution_id"}
_NAME = re.compile(r"[\w.:/-]{1,128}", re.ASCII)


async def errors(context: Context, call_next: CallNext) -> Response:
    """Turn whatever the inner layers raise into the one JSON error shape, or into that of the route's dialect."""
    try:
        return await call_next(context)
    except Exception as error:  # noqa: BLE001  # the edge: everything must become a response
        response = render(describe(error, context), context)
        release_frames(error)
        return response


def render(error: ElectronsError, context: Context) -> Response:
    """Return the response in the format of the request's dialect."""
    if context.dialect is None:
        response = Response.json(error.to_body(context.request_id), status=error.status)
        response.headers += error.headers
        return response
    failure = describe_failure(error)
    if context.dialect == "anthropic":
        body, status = anthropic.build_error(failure, context.request_id), anthropic.status_of(failure)
    else:
        body, status = openai.build_error(failure), openai.status_of(failure)
    response = Response.json(body, status=status)
    response.headers += failure.headers
    return response


def render_frame(error: ElectronsError, context: Context) -> str:
    """Return the last frame of a stream that fails after it began, in the request's dialect."""
    failure = describe_failure(error)
    if context.dialect == "anthropic":
        return anthropic.build_error_frame(failure, context.request_id)
    if context.route_path == "/v1/responses":
        return openai.build_response_error_frame(failure)
    return openai.build_error_frame(failure)


def describe(error: Exception, context: Context) -> ElectronsError:
    """Log an error and return it as the caller may see it: one that is not ours becomes a fixed text."""
    if not isinstance(error, ElectronsError):
        context.log.error("failure", cause=error, request_id=context.request_id)
        error = ElectronsError("Internal error; the log has the details under this request_id")
    elif error.status >= 500:
        context.log.warning(
            "failed", request_id=context.request_id, error_code=error.error_code, **_loggable_facts(error)
        )
    context.error_code = error.error_code
    return error


def _loggable_facts(error: ElectronsError) -> dict[str, Any]:
    """Return what the log may have: of a provider's failure the codes, because its words may quote the prompt."""
    cause = describe_exception(error.__cause__) if error.__cause__ else None
    details = error.details or {}
    if not isinstance(error, ProviderError):
        return {"error": redact(error.message), "cause": cause, "details": error.details}
    facts = {
        name: value
        for name, value in details.items()
        if isinstance(value, int | float) or (name in _NAMES and _NAME.fullmatch(str(value)))
    }
    listed = error.errors if isinstance(error, DeploymentFailedError) else []
    if codes := [each.get("code") for each in listed if _NAME.fullmatch(str(each.get("code")))]:
        facts["codes"] = codes
    return {"cause": cause, "details": facts}
