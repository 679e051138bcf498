"""What a provider is: class attributes and pure functions. `transport.py` does the calling."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic_core import from_json

from electrons.errors import (
    MissingAPIKeyError,
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
)
from electrons.http import HeaderPairs
from electrons.logs import redact
from electrons.settings import Settings

MESSAGE_LIMIT = 500
"""Characters of a provider's own message that are passed on."""


# How a browser writes what would end a quoted name (WHATWG HTML, 4.10.21.8).
_IN_QUOTES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form: a field, or with `filename` a file."""

    content: bytes
    filename: str | None = None
    content_type: str | None = None

    def head(self, name: str) -> str:
        """The part's header fields and the empty line after them (RFC 7578, 4.2 and 4.4)."""
        filename = "" if self.filename is None else f'; filename="{self.filename.translate(_IN_QUOTES)}"'
        content_type = f"Content-Type: {self.content_type}\r\n" if self.content_type else ""
        return f'Content-Disposition: form-data; name="{name.translate(_IN_QUOTES)}"{filename}\r\n{content_type}\r\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRequest:
    """One call to a provider. `path` starts with a slash and is appended to the base URL.

    `file_url` is there instead for a file that the provider has put somewhere: no credentials go with it. `repeatable`
    is false for a call that could be paid twice; `transport.py` says when it is made again all the same. `confidential`
    are texts of the content that must not come back in an error.
    """

    path: str = ""
    file_url: str | None = None
    method: str = "POST"
    headers: HeaderPairs = field(default_factory=list)
    content: bytes = b""
    repeatable: bool = True
    confidential: tuple[str, ...] = ()

    @classmethod
    def json(
        cls,
        path: str,
        document: dict[str, Any],
        *,
        headers: HeaderPairs,
        method: str = "POST",
        repeatable: bool = True,
    ) -> ProviderRequest:
        """A request with a JSON body."""
        content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        headers = [("Content-Type", "application/json"), *headers]
        return cls(path=path, method=method, headers=headers, content=content, repeatable=repeatable)

    @classmethod
    def form(
        cls,
        path: str,
        fields: Mapping[str, str | Part],
        *,
        headers: HeaderPairs,
        method: str = "POST",
        repeatable: bool = True,
        confidential: tuple[str, ...] = (),
    ) -> ProviderRequest:
        """Fields and files as `multipart/form-data` (RFC 7578). The same fields always give the same bytes."""
        parts = {name: Part(field.encode()) if isinstance(field, str) else field for name, field in fields.items()}
        # Nobody can write a text that holds its own hash.
        boundary = hashlib.sha256(b"\0".join(part.content for part in parts.values())).hexdigest()
        pieces = [
            b"".join([f"--{boundary}\r\n{part.head(name)}".encode(), part.content, b"\r\n"])
            for name, part in parts.items()
        ]
        content = b"".join([*pieces, f"--{boundary}--\r\n".encode()])
        headers = [("Content-Type", f"multipart/form-data; boundary={boundary}"), *headers]
        return cls(
            path=path,
            method=method,
            headers=headers,
            content=content,
            repeatable=repeatable,
            confidential=confidential,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCall:
    """A text generation as a provider gets it: None means that the option is not sent at all."""

    model: str
    prompt: str
    max_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: tuple[str, ...] = ()
    system_prompt: str | None = None


@dataclass(slots=True, kw_only=True)
class TextResult:
    """A text generation, whole or still growing. Tokens are the provider's count; `finish_reason` is set at its end.

    The tokens that were read from the provider's prompt cache, or written to it, are contained in `input_tokens`.
    """

    model: str
    text: str = ""
    finish_reason: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


class Provider(ABC):
    """A vendor. Subclasses set the attributes; `settings` are named by the var that holds them."""

    name: ClassVar[str]
    """As it stands in `model`, answers and the ledger."""
    title: ClassVar[str]
    """As its vendor writes it."""
    base_url: ClassVar[str]
    base_url_setting: ClassVar[str]
    api_key_setting: ClassVar[str]
    docs_url: ClassVar[str]
    capabilities: ClassVar[frozenset[str]]

    def url(self, settings: Settings, path: str) -> str:
        """The full URL of `path`; a deployment may put another base URL in front (a gateway, an emulator)."""
        return (settings.get_text(self.base_url_setting) or self.base_url).rstrip("/") + path

    def api_key(self, settings: Settings) -> str:
        """The deployment's key. Raises `MissingAPIKeyError`."""
        key = settings.get_text(self.api_key_setting)
        if not key:
            raise MissingAPIKeyError(provider=self.title, setting=self.api_key_setting)
        return key

    @abstractmethod
    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """What every request to this vendor carries: credentials, version, request id."""

    @abstractmethod
    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        """The error that an answer of 300 or more means; `headers` have lower-case names."""


class TextProvider(Provider):
    """A vendor that generates text."""

    @abstractmethod
    def fit(self, call: TextCall, *, explicit: frozenset[str]) -> tuple[TextCall, list[str]]:
        """The call without what its model does not take, and a warning for each `explicit` option that was left out."""

    @abstractmethod
    def build_text(self, call: TextCall, *, stream: bool) -> ProviderRequest:
        """The request; with `stream`, for server-sent events."""

    @abstractmethod
    def parse_text(self, document: dict[str, Any]) -> TextResult:
        """The result in a 200 answer.

        A document of another shape raises AttributeError, LookupError, TypeError or ValueError.
        """

    @abstractmethod
    def parse_text_event(self, data: str, result: TextResult) -> str:
        """Adds one event's data to `result` and returns its piece of text, maybe empty.

        `result.finish_reason` is set once the provider has said how it ended; a stream that ends before is broken.
        Raises `ProviderError` for an event that reports a failure, and as `parse_text` does.
        """


def classify_error(
    message: str,
    *,
    provider: str,
    status: int,
    code: str | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
    out_of_quota: bool = False,
    kind: type[ProviderError] | None = None,
) -> ProviderError:
    """The error for a provider's answer, by its status, or of `kind`; `out_of_quota` when its code says that."""
    if kind is not None:
        pass
    elif out_of_quota or status == 402:
        kind = ProviderQuotaError
    elif status in {401, 403}:
        kind = ProviderAuthError
    elif status == 429:
        kind = ProviderRateLimitError
    elif status in {400, 404, 413, 422}:
        kind = ProviderRejectedError
    else:
        kind = ProviderError
    return kind(
        redact(" ".join(message.split()))[:MESSAGE_LIMIT],
        provider=provider,
        upstream_status=status,
        upstream_code=code,
        upstream_request_id=request_id,
        retry_after=retry_after,
    )


def parse_retry_after(headers: dict[str, str]) -> float | None:
    """Seconds in `retry-after-ms` or `Retry-After` (RFC 9110, 10.2.3; the delay form), None when there are none."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / scale
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return None


def parse_json_error(content: bytes) -> dict[str, Any]:
    """The JSON object in an error body, an empty one when it is something else (an HTML page of a proxy, say)."""
    try:
        return as_object(from_json(content))
    except ValueError:
        return {}


def as_text(value: object) -> str | None:
    """The value if it is a text that is not empty, None if it is anything else."""
    return value if isinstance(value, str) and value else None


def as_object(value: object) -> dict[str, Any]:
    """The value if it is an object, an empty one if it is anything else: error bodies come in every shape."""
    return value if isinstance(value, dict) else {}
