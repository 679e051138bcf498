"""The four text-to-speech routes: whole, streamed, and both with timestamps."""

import base64
from collections.abc import Callable
from typing import Any

from pydantic_core import to_json

from ...speech import Speech, synthesise
from ...vendor import Call, Headers, Response, json_response
from .http import serial
from .jobs import SpeechJob, read_job

_CHUNK_BYTES = 8 * 1024


def _speak(job: SpeechJob) -> Speech:
    body, settings = job.body, job.body.voice_settings
    languages = {code for code, _ in job.model.languages} if job.model.uses_language_code else set()
    voice = job.voice.espeak_voice(
        language=body.language_code if body.language_code in languages else None,
        speed=1.0 if settings.speed is None else settings.speed,
        stability=0.5 if settings.stability is None else settings.stability,
    )
    return synthesise(body.text, voice=voice, output_format=job.output_format)


def speech_handler(
    build: Callable[[SpeechJob, Speech, Headers], Response], *, streamed: bool
) -> Callable[[Call], Response]:
    """Return the handler of a speech route; `build` puts the speech into the response."""

    def handle(call: Call) -> Response:
        job = read_job(call, streamed=streamed)
        with job.account.count_request(job.model.group, job.cost) as active:
            speech = _speak(job)
        number = next(serial)
        headers: Headers = [
            (b"request-id", f"emulated{number:012d}".encode()),
            (b"history-item-id", f"history{number:013d}".encode()),
            (b"character-cost", b"%d" % job.cost),
            (b"current-concurrent-requests", b"%d" % active),
            (b"maximum-concurrent-requests", b"%d" % job.account.plan.concurrency[job.model.group]),
            (b"x-trace-id", f"{number:032x}".encode()),
        ]
        return build(job, speech, headers)

    return handle


def send_whole(_: SpeechJob, speech: Speech, headers: Headers) -> Response:
    """Return the audio as one body."""
    return Response(200, [(b"content-type", speech.content_type.encode()), *headers], [speech.audio])


def send_chunks(_: SpeechJob, speech: Speech, headers: Headers) -> Response:
    """Return the audio as a stream."""
    audio = speech.audio
    chunks = [audio[at : at + _CHUNK_BYTES] for at in range(0, len(audio), _CHUNK_BYTES)]
    return Response(200, [(b"content-type", speech.content_type.encode()), *headers], chunks, streamed=True)


def _alignment(job: SpeechJob, speech: Speech, start: int, end: int) -> dict[str, Any]:
    characters = {
        "characters": list(job.body.text[start:end]),
        "character_start_times_seconds": list(speech.times[start:end]),
        "character_end_times_seconds": list(speech.times[start + 1 : end + 1]),
    }
    return {"alignment": characters, "normalized_alignment": characters}


def send_with_timestamps(job: SpeechJob, speech: Speech, headers: Headers) -> Response:
    """Return the audio in base64 with the times of all characters."""
    audio = base64.b64encode(speech.audio).decode()
    return json_response({"audio_base64": audio, **_alignment(job, speech, 0, len(job.body.text))}, headers=headers)


def send_chunks_with_timestamps(job: SpeechJob, speech: Speech, headers: Headers) -> Response:
    """Return lines with the next bytes and the characters that start in them; times count from the speech's start."""
    frames = []
    aligned_until = 0
    for at in range(0, len(speech.audio), _CHUNK_BYTES):
        chunk = speech.audio[at : at + _CHUNK_BYTES]
        until = speech.seconds * (at + len(chunk)) / len(speech.audio)
        last = at + len(chunk) == len(speech.audio)
        end = aligned_until
        while end < len(job.body.text) and (last or speech.times[end] < until):
            end += 1
        aligned = _alignment(job, speech, aligned_until, end) if end > aligned_until else {}
        unaligned = {"alignment": None, "normalized_alignment": None}
        frames.append(to_json({"audio_base64": base64.b64encode(chunk).decode(), **unaligned, **aligned}) + b"\n")
        aligned_until = end
    return Response(200, [(b"content-type", b"application/json"), *headers], frames, streamed=True)
