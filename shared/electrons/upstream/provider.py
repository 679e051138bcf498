"""The base of all providers: class attributes and pure functions. `client.py` calls them."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic_core import to_json

from electrons.bindings import Bindings
from electrons.errors import (
    ConfigurationError,
    MissingAPIKeyError,
    ProviderError,
)
from electrons.http import HeaderPairs
from electrons.settings import NOT_SET, Secret, Setting, Settings
from electrons.usage import Units

# How a browser writes what would end a quoted name (WHATWG HTML, 4.10.21.8).
_IN_QUOTES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form: a field, or with `filename` a file."""

    content: bytes
    filename: str | None = None
    content_type: str | None = None

    def head(self, name: str) -> str:
        """Return the part's header fields and the empty line after them (RFC 7578, 4.2 and 4.4)."""
        filename = "" if self.filename is None else f'; filename="{self.filename.translate(_IN_QUOTES)}"'
        content_type = f"Content-Type: {self.content_type}\r\n" if self.content_type else ""
        return f'Content-Disposition: form-data; name="{name.translate(_IN_QUOTES)}"{filename}\r\n{content_type}\r\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRequest:
    """One call to a provider. `path` starts with a slash and is appended to the base URL. A header in `headers` takes
    the place of the provider's own.

    `file_url` is the full URL of a file that the provider has stored elsewhere: no credentials are sent with it.
    `repeatable` is false for a call that could be paid for twice; `client.py` says when it is retried nevertheless.
    `most` is what the call can use at most, for budgets; without it, that is estimated from the content. `most_tokens`
    are the tokens of a call that is charged by them although it counts in another unit.
    `confidential` has strings of the content that must not come back in an error.
    """

    path: str = ""
    file_url: str | None = None
    method: str = "POST"
    headers: HeaderPairs = field(default_factory=list)
    content: bytes = b""
    repeatable: bool = True
    most: Units | None = None
    most_tokens: Units | None = None
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
        """Build a request with a JSON body."""
        content = to_json(document)  # which needs a third of the memory of `json.dumps`
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
        """Build a request with fields and files as `multipart/form-data` (RFC 7578).

        The same fields always become the same bytes.
        """
        parts = {name: Part(field.encode()) if isinstance(field, str) else field for name, field in fields.items()}
        # No content can contain its own hash.
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


class Provider(ABC):
    """A vendor, as data and pure functions. Subclasses set the attributes.

    Unless a subclass says otherwise, the credential is the secret `<NAME>_API_KEY`. Every provider has the setting
    `<NAME>_BASE_URL`, with which a deployment uses a gateway or an emulator instead.
    """

    name: ClassVar[str]
    """The identifier used in `model`, in responses and in the usage ledger; lower case."""
    title: ClassVar[str]
    """The vendor's own spelling."""
    base_url: ClassVar[str]
    credentials: ClassVar[tuple[Setting, ...]] = ()
    """What the provider needs to act for the deployment; the first one goes into the headers."""
    settings: ClassVar[tuple[Setting, ...]] = ()
    """Further settings of this provider."""
    model_prefixes: ClassVar[tuple[str, ...]] = ()
    """How the bare model names that mean this provider begin; the longest prefix of all providers wins."""
    retired_models: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Model names that the vendor has switched off or renamed, and the models that answer for them."""

    base_url_setting: ClassVar[Setting]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "name" not in vars(cls):
            return
        prefix = cls.name.upper().replace("-", "_")
        cls.base_url_setting = Setting(name=f"{prefix}_BASE_URL", meaning=f"another address for {cls.title}")
        if not cls.credentials:
            meaning = f"the API key for {cls.title}"
            cls.credentials = (Setting(name=f"{prefix}_API_KEY", meaning=meaning, kind=Secret, default=NOT_SET),)

    @classmethod
    def declared_settings(cls) -> tuple[Setting, ...]:
        """Return everything that a deployment may set for this provider."""
        return (*cls.credentials, cls.base_url_setting, *cls.settings)

    def url(self, settings: Settings, path: str) -> str:
        """Return the full URL of `path`."""
        return (settings.get(self.base_url_setting) or self.base_url).rstrip("/") + path

    def is_configured(self, settings: Settings) -> bool:
        """Return whether the deployment has every credential."""
        return "" not in [settings.get(credential) for credential in self.credentials]

    def check(self, settings: Settings, bindings: Bindings | None = None) -> None:
        """Raise `ConfigurationError` if the deployment lacks a credential."""
        if not self.is_configured(settings):
            raise self.missing_credentials()

    def api_key(self, settings: Settings) -> str:
        """Return the credential for the headers. Raises `ConfigurationError` if any credential is missing."""
        self.check(settings)
        return settings.get(self.credentials[0])

    def api_keys(self, settings: Settings) -> tuple[str, ...]:
        """Return all keys in the credential, which commas separate. Raises what `api_key` raises."""
        text = self.api_key(settings)
        return tuple(key for part in text.split(",") if (key := part.strip())) if "," in text else (text,)

    def missing_credentials(self) -> ConfigurationError:
        """Return the error for a deployment without this provider's credentials."""
        return MissingAPIKeyError(provider=self.title, setting=self.credentials[0].name)

    def find_model(self, name: str) -> str:
        """Return the vendor's current name of a model."""
        return self.retired_models.get(name, name)

    @abstractmethod
    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """Return what every request to this vendor carries: credentials, version, request id."""

    @abstractmethod
    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        """Return the error that a response with a status of 300 or more means; `headers` have lower-case names."""
