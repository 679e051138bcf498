"""ElevenLabs: text to speech (whole, streamed, with timestamps), voices, models and the subscription, November 2026.

Sources: the vendor's published OpenAPI and its page of errors, https://elevenlabs.io/docs/eleven-api/resources/errors;
the `elevenlabs` package 2.78.0; published observations of the live API. The speech is real, and the same for the same
request, whatever the `seed`. Of the voice settings, `speed` and `stability` are heard. Not there: SSML, audio tags,
audio effects, pronunciation dictionaries (every id is unknown) and the history.
"""

import base64
from collections.abc import Callable
from typing import Any

from pydantic_core import to_json

from ...vendor import Answer, Call, Headers, Route, Vendor, json_answer
from .accounts import account_of
from .answers import error, error_frame, refusal, serial
from .catalogue import MODELS
from .jobs import Order, read_order
from .speech import Speech, synthesise
from .voices import get_preview, get_voice, list_voices, search_voices

_CHUNK_BYTES = 8 * 1024


def authenticate(call: Call) -> None:
    """Not before a request that speaks: the vendor's framework checks its schema first, so its handler asks later."""
    if call.method == "POST" or call.path.startswith("/_files/"):
        return
    if call.path == "/v1/models" and not call.headers.get("xi-api-key"):
        raise refusal(404, "Workspace 1anonymous1 not found.", code="workspace_not_found")
    account_of(call)


def _speak(order: Order) -> Speech:
    body, settings = order.body, order.body.voice_settings
    spoken = {code for code, _ in order.model.languages} if order.model.heeds_language else set()
    voice = order.voice.sound(
        language=body.language_code if body.language_code in spoken else None,
        speed=1.0 if settings.speed is None else settings.speed,
        stability=0.5 if settings.stability is None else settings.stability,
    )
    return synthesise(body.text, voice=voice, output_format=order.output_format)


def _speaking(build: Callable[[Order, Speech, Headers], Answer], *, streamed: bool) -> Callable[[Call], Answer]:
    """The handler of a route that speaks and has `build` put the speech into an answer."""

    def handle(call: Call) -> Answer:
        order = read_order(call, streamed=streamed)
        with order.account.speaking(order.model.group, order.cost) as active:
            speech = _speak(order)
        number = next(serial)
        headers: Headers = [
            (b"request-id", f"emulated{number:012d}".encode()),
            (b"history-item-id", f"history{number:013d}".encode()),
            (b"character-cost", b"%d" % order.cost),
            (b"current-concurrent-requests", b"%d" % active),
            (b"maximum-concurrent-requests", b"%d" % order.account.plan.concurrency[order.model.group]),
            (b"x-trace-id", f"{number:032x}".encode()),
        ]
        return build(order, speech, headers)

    return handle


def _whole(_: Order, speech: Speech, headers: Headers) -> Answer:
    return Answer(200, [(b"content-type", speech.content_type.encode()), *headers], [speech.audio])


def _in_chunks(_: Order, speech: Speech, headers: Headers) -> Answer:
    audio = speech.audio
    chunks = [audio[at : at + _CHUNK_BYTES] for at in range(0, len(audio), _CHUNK_BYTES)]
    return Answer(200, [(b"content-type", speech.content_type.encode()), *headers], chunks, streamed=True)


def _alignment(order: Order, speech: Speech, start: int, end: int) -> dict[str, Any]:
    characters = {
        "characters": list(order.body.text[start:end]),
        "character_start_times_seconds": list(speech.times[start:end]),
        "character_end_times_seconds": list(speech.times[start + 1 : end + 1]),
    }
    return {"alignment": characters, "normalized_alignment": characters}


def _with_timestamps(order: Order, speech: Speech, headers: Headers) -> Answer:
    audio = base64.b64encode(speech.audio).decode()
    return json_answer({"audio_base64": audio, **_alignment(order, speech, 0, len(order.body.text))}, headers=headers)


def _in_chunks_with_timestamps(order: Order, speech: Speech, headers: Headers) -> Answer:
    """Each line has the next bytes and the characters that start in them; times count from the start of the speech."""
    frames = []
    spoken = 0
    for at in range(0, len(speech.audio), _CHUNK_BYTES):
        piece = speech.audio[at : at + _CHUNK_BYTES]
        until = speech.seconds * (at + len(piece)) / len(speech.audio)
        last = at + len(piece) == len(speech.audio)
        end = spoken
        while end < len(order.body.text) and (last or speech.times[end] < until):
            end += 1
        aligned = _alignment(order, speech, spoken, end) if end > spoken else {}
        nothing = {"alignment": None, "normalized_alignment": None}
        frames.append(to_json({"audio_base64": base64.b64encode(piece).decode(), **nothing, **aligned}) + b"\n")
        spoken = end
    return Answer(200, [(b"content-type", b"application/json"), *headers], frames, streamed=True)


def list_models(call: Call) -> Answer:
    return json_answer([model.describe() for model in MODELS.values()])


def get_subscription(call: Call) -> Answer:
    if call.headers["xi-api-key"].startswith("restricted"):
        message = "The API key you used is missing the permission user_read to execute this operation."
        raise refusal(401, message, code="unauthorized", status="missing_permissions")
    account = account_of(call)
    plan = account.plan
    return json_answer(
        {
            "tier": plan.tier,
            "character_count": account.used,
            "character_limit": plan.credits,
            "max_character_limit_extension": 0,
            "max_credit_limit_extension": 0,
            "can_extend_character_limit": False,
            "allowed_to_extend_character_limit": False,
            "next_character_count_reset_unix": 1_798_761_600,
            "voice_slots_used": 0,
            "professional_voice_slots_used": 0,
            "professional_voice_slots_used_in_workspace": 0,
            "voice_limit": 30,
            "max_voice_add_edits": 95,
            "voice_add_edit_counter": 0,
            "professional_voice_limit": 1,
            "can_extend_voice_limit": False,
            "can_use_instant_voice_cloning": plan.tier != "free",
            "can_use_professional_voice_cloning": plan.tier in {"creator", "pro"},
            "currency": "usd",
            "current_overage": {"amount": "0", "currency": "usd"},
            "status": "free" if plan.tier == "free" else "active",
            "billing_period": "monthly_period",
            "character_refresh_period": "monthly_period",
            "next_invoice": None,
            "open_invoices": [],
            "has_open_invoices": False,
            "pending_change": None,
        }
    )


def unknown_route(call: Call) -> Answer:
    known = {route.path for route in vendor.routes}
    status, text = (405, "Method Not Allowed") if call.path in known else (404, "Not Found")
    return json_answer({"detail": text}, status=status)


_SPEECH = "/v1/text-to-speech/{voice_id}"
vendor = Vendor(
    name="elevenlabs",
    routes=(
        Route("POST", _SPEECH, _speaking(_whole, streamed=False), slow=True),
        Route("POST", f"{_SPEECH}/stream", _speaking(_in_chunks, streamed=True), slow=True),
        Route("POST", f"{_SPEECH}/with-timestamps", _speaking(_with_timestamps, streamed=False), slow=True),
        Route(
            "POST",
            f"{_SPEECH}/stream/with-timestamps",
            _speaking(_in_chunks_with_timestamps, streamed=True),
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
