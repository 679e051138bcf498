"""OpenAI: Chat Completions, Responses, Embeddings, Speech, Images and Models, as api.openai.com in November 2026.

Sources: the `openai` package 3.54.0, https://developers.openai.com/api/docs (deprecations, guides/error-codes,
guides/rate-limits) and published error texts. The models answer with text and with calls of the caller's tools; audio
in chats, the vendor's own tools, and `functions` are accepted or refused, never used.
"""

from ...vendor import Call, Response, Route, Vendor
from .chat import create_chat_completion
from .embeddings import create_embedding
from .http import KEYS_PAGE, InvalidRequestError, error, error_frame
from .images import create_image
from .models import get_model, list_models
from .responses import create_response
from .speech import create_speech
from .stored_responses import delete_response, get_response


def authenticate(call: Call) -> None:
    """Check the key in `Authorization: Bearer`, which must not start with `invalid`."""
    scheme, _, key = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        message = (
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
            f"auth (i.e. Authorization: Bearer YOUR_KEY). You can obtain an API key from {KEYS_PAGE}."
        )
        raise InvalidRequestError(message, status=401)
    if key.startswith("invalid"):
        shown = f"{key[:4]}{'*' * max(1, len(key) - 8)}{key[-4:]}"
        message = f"Incorrect API key provided: {shown}. You can find your API key at {KEYS_PAGE}."
        raise InvalidRequestError(message, code="invalid_api_key", status=401)


def unknown_route(call: Call) -> Response:
    """Return 405 for a known path with another method, else 404."""
    if vendor.has_path(call.path):
        message = (
            f"Not allowed to {call.method} on {call.path}. (HINT: Perhaps you meant to use a different HTTP method?)"
        )
        return InvalidRequestError(message, code="method_not_supported", status=405).response
    return InvalidRequestError(f"Invalid URL ({call.method} {call.path})", status=404).response


vendor = Vendor(
    name="openai",
    base_path="/v1",
    routes=(
        Route("POST", "/v1/chat/completions", create_chat_completion),
        Route("POST", "/v1/responses", create_response),
        Route("GET", "/v1/responses/{id}", get_response),
        Route("DELETE", "/v1/responses/{id}", delete_response),
        Route("POST", "/v1/embeddings", create_embedding),
        Route("POST", "/v1/audio/speech", create_speech, slow=True),
        Route("POST", "/v1/images/generations", create_image, slow=True),
        Route("GET", "/v1/models", list_models),
        Route("GET", "/v1/models/{id}", get_model),
    ),
    authenticate=authenticate,
    error=error,
    error_frame=error_frame,
    unknown_route=unknown_route,
    max_body_bytes=64 * 1024 * 1024,
)
