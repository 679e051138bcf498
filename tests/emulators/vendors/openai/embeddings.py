"""`POST /v1/embeddings`: unit vectors that follow from the text alone, so equal texts have equal vectors.

Sources: the `openai` package 3.54.0 (`types/embedding_create_params.py`, `types/create_embedding_response.py`) and
https://developers.openai.com/api/docs/guides/embeddings. Arrays of token ids are counted, and their vectors follow from
the ids.
"""

import base64
import math
import random
import struct
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...text import count_tokens
from ...vendor import Call, Response, json_response
from .http import InvalidRequestError, usage_headers
from .models import model_not_found
from .requests import parse

_DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
_FIXED = {"text-embedding-ada-002"}
_MAX_TOKENS = 8192
_MAX_INPUTS = 2048

_Tokens = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=_MAX_TOKENS)]


class EmbeddingRequest(BaseModel):
    """The body of the request."""

    model_config = ConfigDict(extra="forbid", strict=True)
    input: str | list[str] | _Tokens | list[_Tokens]
    model: str
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None


def create_embeddings(call: Call) -> Response:
    """Return a vector for each input."""
    request = parse(EmbeddingRequest, call.body)
    if request.model not in _DIMENSIONS:
        raise model_not_found(request.model, shut_down=False)
    inputs = _split(request)
    counts = [count_tokens(item) if isinstance(item, str) else len(item) for item in inputs]
    if max(counts) > _MAX_TOKENS:
        message = f"This model's maximum context length is {_MAX_TOKENS} tokens, however you requested {max(counts)}."
        raise InvalidRequestError(message, param="input")
    length = _check_dimensions(request)
    data = [
        {"object": "embedding", "index": index, "embedding": _encode(_vector(item, length), request.encoding_format)}
        for index, item in enumerate(inputs)
    ]
    used = sum(counts)
    usage = {"prompt_tokens": used, "total_tokens": used}
    body = {"object": "list", "data": data, "model": request.model, "usage": usage}
    return json_response(body, headers=usage_headers(used))


def _split(request: EmbeddingRequest) -> list[str | list[int]]:
    given = request.input
    is_one = isinstance(given, str) or (bool(given) and isinstance(given[0], int))
    inputs: list[str | list[int]] = [given] if is_one else [*given]  # type: ignore[list-item]
    if not inputs or not all(inputs):
        raise InvalidRequestError("'$.input' is invalid. Please check the API reference.", param="input")
    if len(inputs) > _MAX_INPUTS:
        raise InvalidRequestError(f"'input' must have at most {_MAX_INPUTS} items.", param="input")
    return inputs


def _check_dimensions(request: EmbeddingRequest) -> int:
    most = _DIMENSIONS[request.model]
    if request.dimensions is None:
        return most
    if request.model in _FIXED:
        raise InvalidRequestError("This model does not support specifying dimensions.", param="dimensions")
    if not 1 <= request.dimensions <= most:
        raise InvalidRequestError(f"'dimensions' must be from 1 to {most}.", param="dimensions")
    return request.dimensions


def _vector(item: str | list[int], length: int) -> list[float]:
    source = random.Random(repr(item))  # noqa: S311  # the same text always has the same vector
    values = [source.gauss(0, 1) for _ in range(length)]
    norm = math.sqrt(sum(value * value for value in values))
    return [value / norm for value in values]


def _encode(vector: list[float], encoding: str | None) -> list[float] | str:
    if encoding == "base64":
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    return vector
