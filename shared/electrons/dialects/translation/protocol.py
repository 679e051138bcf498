"""What a translation between two dialects is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from electrons.http import HeaderPairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """A request for the provider; `warnings` say what was left out, in ASCII and without values of the caller."""

    document: dict[str, Any]
    headers: HeaderPairs = field(default_factory=list)
    warnings: Sequence[str] = ()


class StreamTranslator(Protocol):
    """The state of one stream. Frames include their empty line."""

    @property
    def is_complete(self) -> bool:
        """Whether the provider's stream came to the end that its protocol requires."""

    def feed(self, data: str) -> list[str]:
        """Return the caller's frames for the data of one event. Raises ValueError for one that cannot be read."""

    def finish(self) -> list[str]:
        """Return the frames after the last event of a complete stream."""


class Translation(Protocol):
    """From one route of the caller's to one of the provider's, and back."""

    path: str
    """The provider's route: `/v1/messages`."""

    def translate_request(self, document: dict[str, Any]) -> Translated:
        """Return the provider's request; `model` is its name of the model. Raises `RequestError` that names a field."""

    def translate_response(
        self, document: dict[str, Any], *, request: dict[str, Any], requested_model: str
    ) -> dict[str, Any]:
        """Return the caller's response to the `request`.

        Raises LookupError, TypeError or ValueError for a document of the provider's that cannot be read.
        """

    def create_stream(self, document: dict[str, Any], requested_model: str) -> StreamTranslator:
        """Return a translator for the stream that answers the caller's `document`."""
