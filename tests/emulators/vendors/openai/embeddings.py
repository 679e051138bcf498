"""`POST /v1/embeddings`: vectors of unit length that are alike where texts have words or parts of words in common.

Sources: the `openai` package 3.54.0 (`types/embedding_create_params.py`) and published error texts.
"""

import math
import re
from array import array
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...text import count_tokens
from ...vendor import Call, Response, json_response
from .http import InvalidRequestError, usage_headers
from .models import model_not_found
from .parsing import describe_length, parse

# The dimensions of each model, and whether a request may ask for fewer.
_MODELS = {
    "text-embedding-3-small": (1536, True),
    "text-embedding-3-large": (3072, True),
    "text-embedding-ada-002": (1536, False),
}
_MAX_TOKENS = 8192
_MAX_TOKENS_OF_ALL = 300_000
_MAX_INPUTS = 2048
_PLACES_PER_FEATURE = 8

Tokens = list[int]
Input = str | list[str] | Tokens | list[Tokens]


class EmbeddingRequest(BaseModel):
    """The body of the request."""

    model_config = ConfigDict(extra="forbid", strict=True)
    model: str
    input: Input
    dimensions: Annotated[int, Field(ge=1)] | None = None
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None


def create_embedding(call: Call) -> Response:
    """Return a vector for each input."""
    request = parse(EmbeddingRequest, call.body)
    if request.model not in _MODELS:
        raise model_not_found(request.model, shut_down=False)
    size, can_shrink = _MODELS[request.model]
    if request.dimensions is not None and not can_shrink:
        message = "This model does not support specifying dimensions."
        raise InvalidRequestError(message, param="dimensions")
    if request.dimensions is not None and request.dimensions > size:
        message = f"Invalid value for 'dimensions' = {request.dimensions}. Must be less than or equal to {size}."
        raise InvalidRequestError(message, param="dimensions")
    inputs = _read_inputs(request.input)
    tokens = _count(inputs)
    vectors = [_embed(text, request.dimensions or size) for text, _ in inputs]
    is_base64 = request.encoding_format == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _encode(vector) if is_base64 else list(vector)}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    body = {"object": "list", "data": data, "model": request.model, "usage": usage}
    return json_response(body, headers=usage_headers(tokens))


def _read_inputs(given: Input) -> list[tuple[str, int]]:
    """Return each input as a text, with its number of tokens; tokens count as words of their own."""
    inputs: list[str | Tokens] = []
    if isinstance(given, str):
        inputs = [given]
    elif given and isinstance(given[0], int):
        inputs = [[number for number in given if isinstance(number, int)]]
    else:
        inputs = [entry for entry in given if not isinstance(entry, int)]
    if not inputs or len(inputs) > _MAX_INPUTS:
        limits = {"max_length": _MAX_INPUTS} if inputs else {"min_length": 1}
        message, code = describe_length("input", "array", len(inputs), limits)
        raise InvalidRequestError(message, param="input", code=code)
    if not all(inputs):
        raise InvalidRequestError("Invalid 'input': input cannot be an empty string.", param="input")
    return [
        (entry, count_tokens(entry)) if isinstance(entry, str) else (" ".join(map(str, entry)), len(entry))
        for entry in inputs
    ]


def _count(inputs: list[tuple[str, int]]) -> int:
    longest, total = max(tokens for _, tokens in inputs), sum(tokens for _, tokens in inputs)
    if longest > _MAX_TOKENS:
        message = (
            f"This model's maximum context length is {_MAX_TOKENS} tokens, however you requested {longest} tokens "
            f"({longest} in your prompt; 0 for the completion). Please reduce your prompt; or completion length."
        )
        raise InvalidRequestError(message)
    if total > _MAX_TOKENS_OF_ALL:
        message = (
            f"Invalid 'input': maximum request size is {_MAX_TOKENS_OF_ALL} tokens per request, but got {total} tokens."
        )
        raise InvalidRequestError(message, code="max_tokens_per_request")
    return total


@lru_cache(maxsize=256)
def _embed(text: str, size: int) -> "array[float]":
    """Return the vector: each feature of the text adds to a few of its places."""
    values = [0.0] * size
    for feature, times in Counter(_list_features(text)).items():
        digest = blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=4 * _PLACES_PER_FEATURE).digest()
        for at in range(0, len(digest), 4):
            number = int.from_bytes(digest[at : at + 4], "big")
            values[number % size] += (1 if number & 0x8000_0000 else -1) * math.sqrt(times)
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return array("f", (value / length for value in values))


def _list_features(text: str) -> Iterator[str]:
    yield "any text"
    for word in re.findall(r"\w+", text.lower()):
        yield word
        padded = f" {word} "
        yield from (padded[at : at + 4] for at in range(len(padded) - 3))


def _encode(vector: "array[float]") -> str:
    """Return the vector as the base64 of 32-bit floats in little-endian order."""
    return b64encode(vector.tobytes()).decode()
