"""What goes wrong with a provider's answer, as the platform's own errors: it is late, breaks off, or cannot be read."""

from __future__ import annotations

import traceback
from pathlib import Path

import httpx2

from electrons.errors import ProviderError, ProviderTimeoutError
from electrons.upstream.provider import Provider
from electrons.upstream.reading import PARSE_ERRORS, UnreadableError


class ShapeError(Exception):
    """Why a response cannot be read. It names fields and lines, never values, so it may go into the log."""


class _Failures:
    """A block whose exceptions become errors of a provider. As a generator it would cost more than most blocks."""

    __slots__ = ("_provider",)

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def __enter__(self) -> None: ...


class parsing(_Failures):  # noqa: N801  # a context manager
    """Turn what a parser raises for a response that it cannot read into a `ProviderError`."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, PARSE_ERRORS):
            raise unreadable(self._provider) from ShapeError(_explain(error))


class reading(_Failures):  # noqa: N801  # a context manager
    """Turn what a transport raises for a broken or stalled body into a `ProviderError`."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, httpx2.TimeoutException):
            raise too_slow(self._provider) from error
        if isinstance(error, httpx2.TransportError):
            raise interrupted(self._provider) from error


def interrupted(provider: Provider) -> ProviderError:
    """Return the error for a response that ends before its end."""
    return ProviderError(f"{provider.title}'s response was interrupted", provider=provider.name)


def unreadable(provider: Provider) -> ProviderError:
    """Return the error for a successful response that is not what the provider documents."""
    return ProviderError(f"{provider.title} returned a response that cannot be read", provider=provider.name)


def too_slow(provider: Provider) -> ProviderTimeoutError:
    """Return the error for a provider that has not answered, or not gone on, in time."""
    message = f"{provider.title} took too long; the call may be charged, so it was not repeated"
    return ProviderTimeoutError(message, provider=provider.name)


def _explain(error: Exception) -> str:
    """Return the reason of a parser's error; of errors that can quote the response, only the place."""
    if isinstance(error, UnreadableError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {Path(frames[-1].filename).name}, line {frames[-1].lineno}"
