"""The emulator refuses what ElevenLabs refuses: in the same order, with the same status and body."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest
from elevenlabs import VoiceSettings
from elevenlabs.client import ElevenLabs
from elevenlabs.core import ApiError
from elevenlabs.errors import UnprocessableEntityError

from tests.emulators.process import Emulators

GEORGE = "JBFqnCBsd6RMkjVDRZzb"
RACHEL = "21m00Tcm4TlvDq8ikWAM"
CreateClient = Callable[[str], ElevenLabs]


@pytest.fixture
def create_client(emulators: Emulators) -> Iterator[CreateClient]:
    """Return a function that creates a client of the SDK with an API key."""
    with httpx.Client(trust_env=False) as http:
        base_url = emulators.url_of("elevenlabs")
        yield lambda key: ElevenLabs(api_key=key, base_url=base_url, httpx_client=http)


def conversion_error(
    elevenlabs_client: ElevenLabs, voice: str = GEORGE, text: str = "Hello", **options: Any
) -> tuple[int, Any]:
    """Return the status and the detail of the error with which a conversion is refused."""
    with pytest.raises(ApiError) as failure:
        b"".join(
            elevenlabs_client.text_to_speech.convert(voice, text=text, request_options={"max_retries": 0}, **options)
        )
    assert failure.value.status_code is not None
    return failure.value.status_code, failure.value.body["detail"]


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({}, "needs_authorization", "Neither authorization header nor xi-api-key received, please provide one."),
        ({"xi-api-key": "invalid"}, "invalid_api_key", "Invalid API key"),
        (
            {"authorization": "Bearer x"},
            "invalid_authorization_header",
            "Provided authorization header was invalid.",
        ),
    ],
)
def test_key_when_it_is_missing_or_wrong_then_401(
    emulators: Emulators, headers: dict[str, str], status: str, message: str
) -> None:
    answer = httpx2.post(
        f"{emulators.url_of('elevenlabs')}/v1/text-to-speech/{GEORGE}", headers=headers, json={"text": "Hello"}
    )

    assert answer.status_code == 401
    assert answer.json() == {
        "detail": {
            "type": "authentication_error",
            "code": "unauthorized",
            "message": message,
            "status": status,
            "request_id": answer.headers["x-trace-id"],
        }
    }


def test_models_when_the_key_is_missing_then_404(emulators: Emulators) -> None:
    answer = httpx2.get(f"{emulators.url_of('elevenlabs')}/v1/models")

    assert (answer.status_code, answer.json()["detail"]["code"]) == (404, "workspace_not_found")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", [{"type": "missing", "loc": ["body", "text"], "msg": "Field required", "input": None}]),
        (b"", [{"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}]),
        (b'{"text": null}', [{"type": "missing", "loc": ["body", "text"], "msg": "Field required", "input": None}]),
        (
            b'{"text": "x", "voice_settings": {"stability": 2}}',
            [
                {
                    "type": "less_than_equal",
                    "loc": ["body", "voice_settings", "stability"],
                    "msg": "Input should be less than or equal to 1",
                    "input": 2,
                    "ctx": {"le": 1.0},
                }
            ],
        ),
        (
            b'{"text": "x", "seed": "often"}',
            [
                {
                    "type": "int_parsing",
                    "loc": ["body", "seed"],
                    "msg": "Input should be a valid integer, unable to parse string as an integer",
                    "input": "often",
                }
            ],
        ),
        (
            b'{"text": ',
            [
                {
                    "type": "json_invalid",
                    "loc": ["body", 9],
                    "msg": "JSON decode error",
                    "input": {},
                    "ctx": {"error": "Expecting value"},
                }
            ],
        ),
    ],
)
def test_body_when_it_breaks_the_schema_then_422_before_the_key(
    emulators: Emulators, body: bytes, expected: list[dict[str, Any]]
) -> None:
    url = f"{emulators.url_of('elevenlabs')}/v1/text-to-speech/{GEORGE}?output_format=mp3_foo"
    answer = httpx2.post(url, headers={"xi-api-key": "invalid"}, content=body)

    assert (answer.status_code, answer.json()) == (422, {"detail": expected})


def test_query_when_it_breaks_the_schema_then_422_names_it(emulators: Emulators) -> None:
    url = f"{emulators.url_of('elevenlabs')}/v1/text-to-speech/{GEORGE}?enable_logging=perhaps"
    answer = httpx2.post(url, json={"text": "Hello"})

    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["query", "enable_logging"])


def test_body_when_invalid_then_the_sdk_raises_its_typed_error(create_client: CreateClient) -> None:
    settings = VoiceSettings.model_construct(stability=-1)

    with pytest.raises(UnprocessableEntityError):
        b"".join(create_client("any").text_to_speech.convert(GEORGE, text="Hello", voice_settings=settings))


def test_unknown_fields_when_sent_then_they_are_ignored(emulators: Emulators) -> None:
    url = f"{emulators.url_of('elevenlabs')}/v1/text-to-speech/{GEORGE}"
    body: dict[str, Any] = {"text": "Hello", "model_id": None, "mood": "good", "audio_effects": {}}

    assert httpx2.post(url, headers={"xi-api-key": "any"}, json=body).status_code == 200


@pytest.mark.parametrize(
    ("call", "status", "code", "legacy"),
    [
        ({"voice": "nobody"}, 404, "voice_not_found", "voice_not_found"),
        ({"model_id": "eleven_v99"}, 404, "model_not_found", "model_not_found"),
        ({"text": "  "}, 400, "empty_text", "input_text_empty"),
        ({"text": "x" * 10_001}, 400, "text_too_long", "max_character_limit_exceeded"),
        ({"text": "x" * 5_001, "model_id": "eleven_v3"}, 400, "text_too_long", "max_character_limit_exceeded"),
        ({"output_format": "mp3_foo"}, 400, "invalid_output_format", "invalid_output_format"),
        ({"voice_settings": VoiceSettings(speed=2.0)}, 400, "invalid_voice_settings", "invalid_voice_settings"),
        ({"seed": -1}, 400, "invalid_parameters", "invalid_parameters"),
        ({"previous_request_ids": ["a", "b", "c", "d"]}, 400, "invalid_parameters", "invalid_parameters"),
        (
            {"previous_request_ids": ["a"], "model_id": "eleven_v3"},
            400,
            "unsupported_model",
            "unsupported_model",
        ),
    ],
)
def test_convert_when_the_request_is_invalid_then_error_code(
    create_client: CreateClient, call: dict[str, Any], status: int, code: str, legacy: str
) -> None:
    answered, detail = conversion_error(create_client("any"), **call)

    assert (answered, detail["code"], detail["status"]) == (status, code, legacy)
    assert set(detail) >= {"type", "message", "request_id", "param"}


def test_stream_when_wav_is_requested_then_format_is_refused(create_client: CreateClient) -> None:
    with pytest.raises(ApiError) as failure:
        list(create_client("any").text_to_speech.stream(GEORGE, text="Hello", output_format="wav_8000"))

    assert failure.value.body["detail"]["code"] == "invalid_output_format"


@pytest.mark.parametrize(
    ("key", "call", "status", "code", "legacy"),
    [
        ("free", {"voice": RACHEL}, 402, "paid_plan_required", "payment_required"),
        ("broke", {}, 402, "insufficient_credits", "quota_exceeded"),
        ("starter", {"output_format": "mp3_44100_192"}, 403, "subscription_required", "output_format_not_allowed"),
        ("creator", {"output_format": "pcm_44100"}, 403, "subscription_required", "output_format_not_allowed"),
    ],
)
def test_convert_when_the_plan_forbids_it_then_error_code(
    create_client: CreateClient, *, key: str, call: dict[str, Any], status: int, code: str, legacy: str
) -> None:
    answered, detail = conversion_error(create_client(key), **call)

    assert (answered, detail["code"], detail["status"]) == (status, code, legacy)


def test_free_plan_when_the_voice_is_a_default_one_then_audio(create_client: CreateClient) -> None:
    assert b"".join(create_client("free").text_to_speech.convert(GEORGE, text="Hello"))


def test_subscription_when_the_key_is_restricted_then_401(create_client: CreateClient) -> None:
    elevenlabs_client = create_client("restricted")
    b"".join(elevenlabs_client.text_to_speech.convert(GEORGE, text="Hello"))

    with pytest.raises(ApiError) as failure:
        elevenlabs_client.user.subscription.get()

    assert (failure.value.status_code, failure.value.body["detail"]["status"]) == (401, "missing_permissions")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/voices/nobody", 404, "voice_not_found"),
        ("/v2/voices?page_size=101", 400, "invalid_page_size"),
        ("/v2/voices?next_page_token=x", 400, "invalid_cursor"),
    ],
)
def test_voices_when_the_request_is_invalid_then_error_code(
    emulators: Emulators, path: str, status: int, code: str
) -> None:
    answer = httpx2.get(f"{emulators.url_of('elevenlabs')}{path}", headers={"xi-api-key": "any"})

    assert (answer.status_code, answer.json()["detail"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("status", "error_code", "kind", "code", "legacy"),
    [
        (429, None, "rate_limit_error", "rate_limit_exceeded", "rate_limit_exceeded"),
        (
            429,
            "concurrent_limit_exceeded",
            "rate_limit_error",
            "concurrent_limit_exceeded",
            "too_many_concurrent_requests",
        ),
        (429, "system_busy", "rate_limit_error", "system_busy", "system_busy"),
        (500, None, "internal_error", "internal_error", "internal_error"),
        (503, None, "service_unavailable", "service_unavailable", "service_unavailable"),
    ],
)
def test_status_fault_when_queued_then_in_the_vendors_format(
    create_client: CreateClient,
    emulators: Emulators,
    *,
    status: int,
    error_code: str | None,
    kind: str,
    code: str,
    legacy: str,
) -> None:
    emulators.add_fault("elevenlabs", kind="status", status=status, error_code=error_code, retry_after=3)

    answered, detail = conversion_error(create_client("any"))

    assert answered == status
    assert (detail["type"], detail["code"], detail["status"]) == (kind, code, legacy)


def test_cut_when_in_the_audio_then_the_sdk_raises_an_error(create_client: CreateClient, emulators: Emulators) -> None:
    emulators.add_fault("elevenlabs", kind="cut", after=1, prompt_contains="Hello")

    with pytest.raises(httpx.RemoteProtocolError):
        b"".join(create_client("any").text_to_speech.stream(GEORGE, text="Hello"))


def test_route_when_unknown_then_404_of_the_vendors_framework(emulators: Emulators) -> None:
    answer = httpx2.get(f"{emulators.url_of('elevenlabs')}/v1/history", headers={"xi-api-key": "any"})

    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
