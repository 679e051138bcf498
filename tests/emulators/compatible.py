"""Vendors that speak OpenAI's chat completions under a name and with models of their own."""

from collections.abc import Sequence
from functools import partial

from .vendor import Call, Response, Route, Vendor
from .vendors.openai.catalogue import Model
from .vendors.openai.chat import create_chat_completion
from .vendors.openai.http import InvalidRequestError, error, error_frame
from .vendors.openai.models import get_model, list_models


def create_vendor(name: str, *, models: Sequence[str], base_path: str) -> Vendor:
    """Return a vendor with chat completions and models below `base_path`, e.g. `/v1`.

    Requests, answers and errors are those of OpenAI's API. The models take every sampling option.
    """
    catalogue = {model: Model(model) for model in models}
    chat, listed, one = (
        partial(handler, models=catalogue) for handler in (create_chat_completion, list_models, get_model)
    )
    return Vendor(
        name=name,
        base_path=base_path,
        routes=(
            Route("POST", f"{base_path}/chat/completions", chat),
            Route("GET", f"{base_path}/models", listed),
            Route("GET", f"{base_path}/models/{{id:path}}", one),
        ),
        authenticate=_authenticate,
        error=error,
        error_frame=error_frame,
        unknown_route=_unknown_route,
        max_body_bytes=16 * 1024 * 1024,
    )


def _authenticate(call: Call) -> None:
    """Check the key in `Authorization: Bearer`, which must not start with `invalid`."""
    scheme, _, key = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or key.startswith("invalid"):
        raise InvalidRequestError("Incorrect API key provided.", code="invalid_api_key", status=401)


def _unknown_route(call: Call) -> Response:
    return InvalidRequestError(f"Invalid URL ({call.method} {call.path})", status=404).response
