"""Log probabilities of the emulated tokens: always the same ones for the same token."""

from typing import Any
from zlib import crc32

from ...text import CHARACTERS_PER_TOKEN


def describe_logprobs(deltas: list[str], top: int) -> list[dict[str, Any]]:
    """Return the objects of `logprobs.content`: a token is four characters, and ends with the delta it is in."""
    return [
        {**_describe(token, 0), "top_logprobs": [_describe(token, rank) for rank in range(top)]}
        for delta in deltas
        for token in (delta[at : at + CHARACTERS_PER_TOKEN] for at in range(0, len(delta), CHARACTERS_PER_TOKEN))
    ]


def _describe(token: str, rank: int) -> dict[str, Any]:
    """Return one candidate; those after the first are other spellings of the token."""
    spelling = token if not rank else f"{token}{'~' * rank}"
    encoded = spelling.encode("utf-8", "surrogatepass")
    return {"token": spelling, "logprob": -(crc32(encoded) % 500) / 1000 - rank, "bytes": list(encoded)}
