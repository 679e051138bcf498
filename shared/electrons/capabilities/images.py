"""Image generation with any `ImageProvider`, and the files that it makes.

A generation costs money even if its image is lost, so `context.usage` is filled in any case.
"""

from __future__ import annotations

import binascii
import re
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any, ClassVar

import httpx2

from electrons.context import Context
from electrons.errors import ProviderError
from electrons.settings import Settings
from electrons.upstream.body import BodyTooLargeError, read_body
from electrons.upstream.client import call_provider, open_response, read_json
from electrons.upstream.embedded import extract_files
from electrons.upstream.failures import parsing
from electrons.upstream.provider import Provider, ProviderRequest
from electrons.usage import Units

_HOST = re.compile(r"[a-z0-9.-]+")
_LOOPBACK = {"127.0.0.1", "localhost"}

INVALID_BASE64 = "it is not valid base64"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCall:
    """A generation as a provider gets it: None means that the option is not sent at all.

    `resolution` is width and height in pixels, `aspect_ratio` width divided by height. `style` and `quality` are the
    caller's words until `fit_images` has replaced them by the provider's.
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

    `file_number` is there in place of a file that `on_file` has already taken: the first one is 0. `is_unreadable`
    means that the response has no usable link or file for the image. `prompt` is what it was made from, where the
    provider wrote its own.
    """

    url: str | None = None
    base64: str | None = None
    seed: int | None = None
    prompt: str | None = None
    is_unreadable: bool = False
    file_number: int | None = None

    @property
    def withheld(self) -> bool:
        """Whether the safety check withheld it."""
        return self.url is None and self.base64 is None and self.file_number is None and not self.is_unreadable


class ImageProvider(Provider):
    """A vendor that generates images."""

    file_hosts: ClassVar[frozenset[str]] = frozenset()
    """The domains, subdomains included, from which the vendor serves its files; none where responses hold the files."""

    @abstractmethod
    def fit_images(self, call: ImageCall) -> tuple[ImageCall, list[str]]:
        """Return the call in the provider's own terms, and a warning for each option that its model does not take.

        Raises `RequestError` for what the provider cannot make at all: nothing has been paid for yet.
        """

    @abstractmethod
    def build_images(self, call: ImageCall) -> ProviderRequest:
        """Build the request for a call that fits; it is not `repeatable`."""

    def most_tokens(self, prompt: str, *, count: int, quality: str | None) -> Units | None:
        """Return the tokens that so many images take at most, where the vendor charges for tokens."""
        return None

    def parse_tokens(self, document: dict[str, Any]) -> Units | None:
        """Return the tokens that a response reports, where the vendor charges for tokens."""
        return None

    @abstractmethod
    def parse_images(self, document: dict[str, Any]) -> list[GeneratedImage]:
        """Return the images in a 200 response, those that are withheld or unreadable included.

        Raises AttributeError, LookupError, TypeError or ValueError for a document of another shape.
        """


def leave_out(call: ImageCall, *options: str, title: str) -> tuple[ImageCall, list[str]]:
    """Return the call without these options, and a warning for each that was asked for; `title` names the model."""
    changes: dict[str, Any] = {option: 1 if option == "num_images" else None for option in options}
    asked_for = [option for option, nothing in changes.items() if getattr(call, option) != nothing]
    return replace(call, **changes), [left_out_warning(title, option) for option in asked_for]


def left_out_warning(title: str, what: str) -> str:
    """Return the warning that an option, or its value, was not sent."""
    return f"{title} does not take {what}; it was left out"


def fit_shape(call: ImageCall, *, takes: Callable[[tuple[int, int]], bool], title: str) -> tuple[ImageCall, list[str]]:
    """Return the call with its resolution, if the model `takes` that, or else with an aspect ratio; never with both."""
    size = call.resolution
    if size is None:
        return call, []
    if not takes(size):
        warning = f"{title} does not take resolution {write_size(size)}; its shape was asked for instead"
        return replace(call, resolution=None, aspect_ratio=Fraction(*size)), [warning]
    ignored = call.aspect_ratio not in {None, Fraction(*size)}
    warnings = ["aspect_ratio differs from the shape of resolution; it was left out"] if ignored else []
    return replace(call, aspect_ratio=None), warnings


def write_size(size: tuple[int, int]) -> str:
    """Return the size like `1280x800`."""
    return f"{size[0]}x{size[1]}"


def write_ratio(ratio: Fraction) -> str:
    """Return the ratio like `16:9`."""
    return f"{ratio.numerator}:{ratio.denominator}"


def quality_level(word: str) -> str:
    """Return `low`, `medium` or `high` for the words that vendors have for them; any other word as it is."""
    return _LEVELS.get(word.lower(), word.lower())


_LEVELS = {
    "turbo": "low",
    "default": "medium",
    "standard": "medium",
    "balanced": "medium",
    "quality": "high",
    "hd": "high",
}


OnFile = Callable[[bytes | None], Awaitable[None]]
"""Takes the file of an image as soon as it has come, None for one that is not valid base64."""


async def generate_images(
    context: Context, provider: ImageProvider, call: ImageCall, *, on_file: OnFile | None = None
) -> list[GeneratedImage]:
    """Return the images of a call that fits. Raises `ProviderError` and its subclasses.

    A provider may send all files in one response, of which the memory has no room for more than a few. With `on_file`,
    each large one is handed over before the next one comes, and leaves the memory.
    `details.outcome` of an error is `unknown` if the provider may have made the images and will charge for them.
    """
    try:
        return await _request_images(context, provider, call, on_file)
    except ProviderError as error:
        if error.upstream_status is not None or not error.was_called:
            raise
        raise _unknown_outcome(error) from error.__cause__


async def _request_images(
    context: Context, provider: ImageProvider, call: ImageCall, on_file: OnFile | None
) -> list[GeneratedImage]:
    most_tokens = provider.most_tokens(call.prompt, count=call.num_images, quality=call.quality)
    request = replace(provider.build_images(call), most=Units(0, call.num_images), most_tokens=most_tokens)
    if on_file is None:
        return await call_provider(context, provider, request, partial(_parse, context, provider, call))
    numbers: dict[str, int] = {}

    async def take(name: str, content: bytes | None) -> None:
        numbers[name] = len(numbers)
        await on_file(content)

    async with open_response(context, provider, request) as response:
        document = await read_json(provider, await extract_files(provider, response, take))
    with parsing(provider):
        images = _parse(context, provider, call, document)
    return [
        replace(image, base64=None, file_number=numbers[image.base64]) if image.base64 in numbers else image
        for image in images
    ]


def _parse(
    context: Context, provider: ImageProvider, call: ImageCall, document: dict[str, Any]
) -> list[GeneratedImage]:
    tokens = provider.parse_tokens(document)
    if tokens is not None:
        _count(context, call.num_images, tokens)  # whatever the rest of the response is
    images = provider.parse_images(document)
    if images:
        count = len(images)
        _count(context, count, tokens or provider.most_tokens(call.prompt, count=count, quality=call.quality))
    if all(image.is_unreadable for image in images):
        raise ValueError("no image can be read")
    return images


def _count(context: Context, images: int, tokens: Units | None) -> None:
    if context.usage is not None:
        context.usage.output_units, context.usage.tokens = images, tokens


async def read_image(context: Context, provider: ImageProvider, image: GeneratedImage, *, max_bytes: int) -> bytes:
    """Return the file of an image that is not withheld. Raises `ProviderError` with the reason if it is lost."""
    if image.base64 is not None:
        return _decode(provider, image.base64, max_bytes=max_bytes)
    if image.is_unreadable:
        raise lost_image(provider, "the response has neither a link nor a file for it")
    if not is_own_link(provider, context.settings, image.url or ""):
        raise lost_image(provider, f"its link does not lead to {provider.title}")
    request = ProviderRequest(file_url=image.url, method="GET")
    try:
        async with open_response(context, provider, request) as response:
            return await read_body(provider, response, max_bytes=max_bytes)
    except BodyTooLargeError as error:
        raise too_large_image(provider, max_bytes) from error
    except ProviderError as error:
        if error.upstream_status is None:
            raise
        raise lost_image(provider, f"its link was answered with {error.upstream_status}") from error


def _decode(provider: Provider, text: str, *, max_bytes: int) -> bytes:
    # Four characters are three bytes, of which two may be padding: what is clearly too large takes no memory.
    if len(text) // 4 * 3 - 2 > max_bytes:
        raise too_large_image(provider, max_bytes)
    try:
        # Unlike `b64decode`, it makes no copy of the text.
        content = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise lost_image(provider, INVALID_BASE64) from error
    if len(content) > max_bytes:
        raise too_large_image(provider, max_bytes)
    return content


def is_own_link(provider: ImageProvider, settings: Settings, url: str) -> bool:
    """Return whether a link leads to the provider: to one of its `file_hosts`, by https.

    If the deployment has set another base URL, a link to its host and port is accepted too; on loopback also by http.
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


def lost_image(provider: Provider, reason: str) -> ProviderError:
    """Return the error for an image that was made, and whose file cannot be stored."""
    return ProviderError(f"{provider.title}'s image could not be fetched: {reason}", provider=provider.name)


def too_large_image(provider: Provider, max_bytes: int) -> ProviderError:
    """Return the error for a file that is larger than the deployment accepts."""
    return lost_image(provider, f"it is larger than {max_bytes} bytes (`MAX_IMAGE_BYTES`)")


def _unknown_outcome(error: ProviderError) -> ProviderError:
    error.message += "; it may have made the images and charge for them, so the request was not repeated"
    error.details = {**(error.details or {}), "outcome": "unknown"}
    return error
