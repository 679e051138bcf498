"""A program that runs eSpeak NG: `{"text", "voice", "rate", "pitch", "range"}` in, a line of JSON and the audio out.

The line is `{"sample_rate": 22050, "marks": [[offset, sample], ...]}`; a mark maps an offset in the text to the sample
where eSpeak NG speaks it. Signed 16-bit mono samples follow. It is a program because eSpeak NG keeps global state: only
the first text of a process always gives the same bytes. C API: `speak_lib.h` of eSpeak NG 1.52.
"""

import ctypes
import json
import sys
from typing import Any

import espeakng_loader  # type: ignore[import-untyped]

_SYNCHRONOUS = 2
_UTF8 = 1
_CHARACTERS = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_WORD, _END_OF_CLAUSE = 1, 5


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


def speak(
    text: str, *, voice: str, rate: int, pitch: int, pitch_range: int
) -> tuple[int, list[tuple[int, int]], bytes]:
    """Return the sample rate, the marks and the samples. Raises `ValueError` for an unknown voice."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    sample_rate = library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    if library.espeak_SetVoiceByName(voice.encode()):
        raise ValueError(f"eSpeak NG has no voice {voice}")
    for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
        library.espeak_SetParameter(parameter, value, 0)
    marks: list[tuple[int, int]] = []
    audio = bytearray()

    def receive(samples: int | None, count: int, events: Any) -> int:
        if samples and count > 0:
            audio.extend(ctypes.string_at(samples, count * 2))
        at = 0
        while events[at].type:
            if events[at].type in {_WORD, _END_OF_CLAUSE}:
                marks.append((events[at].text_position - 1, events[at].sample))
            at += 1
        return 0

    callback = _Callback(receive)
    library.espeak_SetSynthCallback(callback)
    # A NUL would end the text; a space in its place keeps the offsets.
    encoded = text.replace("\0", " ").encode("utf-8", "replace") + b"\0"
    library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded)), 0, _CHARACTERS, 0, _UTF8, None, None)
    return sample_rate, marks, bytes(audio)


def main() -> None:
    """Speak the text on standard input and write the audio to standard output."""
    request = json.load(sys.stdin)
    sample_rate, marks, audio = speak(
        request["text"],
        voice=request["voice"],
        rate=request["rate"],
        pitch=request["pitch"],
        pitch_range=request["range"],
    )
    heading = json.dumps({"sample_rate": sample_rate, "marks": marks}).encode()
    sys.stdout.buffer.write(heading + b"\n" + audio)


if __name__ == "__main__":
    main()
