"""ElevenLabs: text to speech (whole, streamed, with timestamps), voices, models and the subscription, November 2026.

Sources: the vendor's published OpenAPI and its page of errors, https://elevenlabs.io/docs/eleven-api/resources/errors;
the `elevenlabs` package 2.78.0; published observations of the live API. The speech is audible, and the same for the
same request, whatever the `seed`. Of the voice settings, `speed` and `stability` have an effect. Not emulated: SSML,
audio tags, audio effects, pronunciation dictionaries (every id is unknown) and the history.
"""

from ...vendor import Call, Response, Route, Vendor, json_response
from .accounts import account_of
from .http import error, error_frame, refusal
from .subscription import get_subscription, list_models
from .text_to_speech import (
    send_chunks,
    send_chunks_with_timestamps,
    send_whole,
    send_with_timestamps,
    speech_handler,
)
from .voices import get_preview, get_voice, list_voices, search_voices


def authenticate(call: Call) -> None:
    """Check the key, except of speech requests: the vendor checks their schema first, so `jobs.py` checks their key."""
    if call.method == "POST" or call.path.startswith("/_files/"):
        return
    if call.path == "/v1/models" and not call.headers.get("xi-api-key"):
        raise refusal(404, "Workspace 1anonymous1 not found.", code="workspace_not_found")
    account_of(call)


def unknown_route(call: Call) -> Response:
    """Return 405 for a known path with another method, else 404."""
    status, text = (405, "Method Not Allowed") if vendor.has_path(call.path) else (404, "Not Found")
    return json_response({"detail": text}, status=status)


_SPEECH = "/v1/text-to-speech/{voice_id}"
vendor = Vendor(
    name="elevenlabs",
    routes=(
        Route("POST", _SPEECH, speech_handler(send_whole, streamed=False), slow=True),
        Route("POST", f"{_SPEECH}/stream", speech_handler(send_chunks, streamed=True), slow=True),
        Route("POST", f"{_SPEECH}/with-timestamps", speech_handler(send_with_timestamps, streamed=False), slow=True),
        Route(
            "POST",
            f"{_SPEECH}/stream/with-timestamps",
            speech_handler(send_chunks_with_timestamps, streamed=True),
            slow=True,
        ),
        Route("GET", "/v1/voices", list_voices),
        Route("GET", "/v2/voices", search_voices),
        Route("GET", "/v1/voices/{voice_id}", get_voice),
        Route("GET", "/v1/models", list_models),
        Route("GET", "/v1/user/subscription", get_subscription),
        Route("GET", "/_files/previews/{voice_id}.mp3", get_preview, slow=True),
        Route("HEAD", "/_files/previews/{voice_id}.mp3", get_preview, slow=True),
    ),
    authenticate=authenticate,
    error=error,
    error_frame=error_frame,
    unknown_route=unknown_route,
    max_body_bytes=10 * 1024 * 1024,
)
