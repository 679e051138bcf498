"""Image generation with any `ImageProvider`, and the files that it leaves behind.

A generation costs money even when nobody gets to see the image, so `context.usage` is filled whatever happens.
"""

from __future__ import annotations

import asyncio
import base64
import re
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar

import httpx2

from electrons.context import Context
from electrons.errors import ProviderError, ProviderUnreachableError
from electrons.settings import Settings
from electrons.upstream.client import call_provider, iterate_body, open_response
from electrons.upstream.provider import Provider, ProviderRequest

_HOST = re.compile(r"[a-z0-9.-]+")
_LOOPBACK = {"127.0.0.1", "localhost"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCall:
    """A generation as a provider gets it: None means that the option is not sent at all.

    `resolution` is width and height in pixels, `aspect_ratio` width through height. `style` and `quality` are the
    caller's words until `fit_images` has put the provider's in their place.
    """

    model: str
    prompt: str
    num_images: int = 1
    aspect_ratio: Fraction | None = None
    resolution: tuple[int, int] | None = None
    style: str | None = None
    seed: int | None = None
    negative_prompt: str | None = None
    quality: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedImage:
    """One image: a link to its file, or the file itself in base64; with neither, the safety check withheld it.

    `prompt` is the one that the image was made from, where the provider wrote its own.
    """

    url: str | None = None
    base64: str | None = None
    seed: int | None = None
    prompt: str | None = None

    @property
    def withheld(self) -> bool:
        """Whether there is nothing to be had."""
        return self.url is None and self.base64 is None


class ImageProvider(Provider):
    """A vendor that generates images."""

    file_hosts: ClassVar[frozenset[str]] = frozenset()
    """The domains, subdomains included, on which the vendor leaves its files; none where answers hold the files."""

    @abstractmethod
    def fit_images(self, call: ImageCall) -> tuple[ImageCall, list[str]]:
        """The call in the provider's own terms, and a warning for each option that its model does not take.

        Raises `RequestError` for what cannot be made at all, because nothing has been paid for yet.
        """

    @abstractmethod
    def build_images(self, call: ImageCall) -> ProviderRequest:
        """The request for a call that fits; it is not `repeatable`."""

    @abstractmethod
    def parse_images(self, document: dict[str, Any]) -> list[GeneratedImage]:
        """The images in a 200 answer, at least one.

        A document of another shape raises AttributeError, LookupError, TypeError or ValueError.
        """


def leave_out(call: ImageCall, *options: str, title: str) -> tuple[ImageCall, list[str]]:
    """The call without these options, and a warning for each that was asked for; `title` names the model."""
    changes: dict[str, Any] = {option: 1 if option == "num_images" else None for option in options}
    asked_for = [option for option, nothing in changes.items() if getattr(call, option) != nothing]
    return replace(call, **changes), [left_out_warning(title, option) for option in asked_for]


def left_out_warning(title: str, what: str) -> str:
    """The warning that an option, or its value, was not sent."""
    return f"{title} does not take {what}; it was left out"


def fit_shape(call: ImageCall, *, takes: Callable[[tuple[int, int]], bool], title: str) -> tuple[ImageCall, list[str]]:
    """The call with its resolution, if the model `takes` that, or else with an aspect ratio; never with both."""
    size = call.resolution
    if size is None:
        return call, []
    if not takes(size):
        warning = f"{title} does not take resolution {write_size(size)}; its shape was asked for instead"
        return replace(call, resolution=None, aspect_ratio=Fraction(*size)), [warning]
    ignored = call.aspect_ratio not in {None, Fraction(*size)}
    warnings = ["aspect_ratio says something else than resolution; it was left out"] if ignored else []
    return replace(call, aspect_ratio=None), warnings


def write_size(size: tuple[int, int]) -> str:
    """`1280x800`."""
    return f"{size[0]}x{size[1]}"


def write_ratio(ratio: Fraction) -> str:
    """`16:9`."""
    return f"{ratio.numerator}:{ratio.denominator}"


def quality_level(word: str) -> str:
    """`low`, `medium` or `high` for the words that vendors have for them; any other word as it is."""
    return _LEVELS.get(word.lower(), word.lower())


_LEVELS = {
    "turbo": "low",
    "default": "medium",
    "standard": "medium",
    "balanced": "medium",
    "quality": "high",
    "hd": "high",
}


async def generate_images(context: Context, provider: ImageProvider, call: ImageCall) -> list[GeneratedImage]:
    """The images of a call that fits. Raises `ProviderError` and what derives from it.

    `details.outcome` of an error is `unknown` when the provider may have made the images and will charge for them.
    """
    made = 0
    try:
        images = await call_provider(context, provider, provider.build_images(call), provider.parse_images)
        made = len(images)
    except ProviderError as error:
        if error.upstream_status is not None:
            raise
        # A connection that was lost may never have stood; everything else came after the request was out.
        made = 0 if isinstance(error, ProviderUnreachableError) else call.num_images
        raise _unknown_outcome(error) from error.__cause__
    except asyncio.CancelledError:
        made = call.num_images
        raise
    finally:
        if context.usage is not None:
            context.usage.output_units = made
    return images


async def read_image(context: Context, provider: ImageProvider, image: GeneratedImage, *, max_bytes: int) -> bytes:
    """The file of an image that is not withheld. Raises `ProviderError` that says why it cannot be had."""
    if image.base64 is not None:
        try:
            decoded = base64.b64decode(image.base64, validate=True)
        except ValueError as error:
            raise _lost(provider, "it is no valid base64") from error
        if len(decoded) > max_bytes:
            raise _lost(provider, f"it is larger than {max_bytes} bytes")
        return decoded
    if not is_own_link(provider, context.settings, image.url or ""):
        raise _lost(provider, f"its link does not lead to {provider.title}")
    request = ProviderRequest(file_url=image.url, method="GET")
    content = bytearray()
    try:
        async with open_response(context, provider, request) as response:
            async for chunk in iterate_body(provider, response):
                content += chunk
                if len(content) > max_bytes:
                    raise _lost(provider, f"it is larger than {max_bytes} bytes")
    except ProviderError as error:
        if error.upstream_status is None:
            raise
        raise _lost(provider, f"its link was answered with {error.upstream_status}") from error
    return bytes(content)


def is_own_link(provider: ImageProvider, settings: Settings, url: str) -> bool:
    """Whether a link leads to the provider: to one of its `file_hosts`, by https.

    Where the deployment has set another base URL, its host and port will do as well; on loopback also by http.
    """
    try:
        link, base = httpx2.URL(url), httpx2.URL(settings.get(provider.base_url_setting))
    except httpx2.InvalidURL:
        return False
    if link.userinfo or not _HOST.fullmatch(link.host):
        return False
    if (link.host, link.port) == (base.host, base.port):
        return link.scheme == base.scheme and (link.scheme == "https" or link.host in _LOOPBACK)
    own = any(link.host == host or link.host.endswith(f".{host}") for host in provider.file_hosts)
    return own and link.scheme == "https" and link.port is None


def _lost(provider: Provider, reason: str) -> ProviderError:
    return ProviderError(f"{provider.title}'s image could not be fetched: {reason}", provider=provider.name)


def _unknown_outcome(error: ProviderError) -> ProviderError:
    error.message += "; it may have made the images all the same and charge for them, so it was not asked again"
    error.details = {**(error.details or {}), "outcome": "unknown"}
    return error
