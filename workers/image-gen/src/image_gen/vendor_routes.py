"""`POST /v1/images/generations`, OpenAI's own route, with the images of any provider."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from electrons.app import App
from electrons.capabilities.images import GeneratedImage, ImageCall, ImageProvider, generate_images, read_image
from electrons.context import Context
from electrons.dialects.requests import VendorRequest
from electrons.errors import ElectronsError, ProviderRejectedError, RequestError
from electrons.fallbacks import call_first, name_models, start_usage
from electrons.http import Response
from electrons.passing import pass_file
from electrons.registry import choose_vendor_model, resolve_model
from electrons.routing import RouteDocs
from electrons.upstream.provider import ProviderRequest
from electrons.usage import Units, Usage
from image_gen.files import IMAGES, ImageFiles
from image_gen.settings import ImageSettings, find_default
from image_gen.usage_meter import UsageMeter

IMAGES_LIMIT = 10
"""OpenAI's limit of `n`."""

_SIZE = re.compile(r"([1-9]\d{1,3})x([1-9]\d{1,3})")
_OPENAIS = ("background", "moderation", "output_compression", "output_format", "partial_images", "stream")
"""Fields that only OpenAI's models have."""


class ImageFields(VendorRequest):
    """OpenAI's request for images. Without a `model`, the deployment's `DEFAULT_IMAGE_MODEL` answers."""

    model: str = ""
    prompt: str
    n: int | None = None
    size: str | None = None
    quality: str | None = None
    style: str | None = None
    response_format: str | None = None

    @property
    def count(self) -> int:
        """The number of images."""
        return self.n if self.n is not None else 1


def estimate(body: ImageFields) -> Mapping[str, int]:
    """Return how many images are asked for."""
    return {"images": min(max(body.count, 0), IMAGES_LIMIT)}


def add_vendor_routes(app: App, providers: Sequence[ImageProvider]) -> None:
    """Register the route."""

    @app.post(
        "/v1/images/generations",
        dialect="openai",
        estimate=estimate,
        docs=RouteDocs(example={"model": "gpt-image-1", "prompt": "A lighthouse at dusk"}),
    )
    async def generations(context: Context, body: ImageFields) -> Response:
        """`POST /v1/images/generations`: images as base64, or as links to stored files."""
        models = name_models(context, body.model or find_default(context, providers))
        for name in models[1:]:
            resolve_model(name, providers)

        async def call_model(name: str) -> Response:
            provider, model = choose_vendor_model(context, name, providers)
            usage = Usage(provider=provider.name, model=model, unit="images")
            if provider.name == "openai" and body.response_format != "url":
                return await pass_images(context, provider, body, usage)
            call, _ = provider.fit_images(build_call(provider, model, body))
            usage.grade = call.quality or ""
            start_usage(context, usage)
            return await generate(context, provider, call, as_links=body.response_format != "b64_json")

        return await call_first(context, models, call_model)


async def pass_images(context: Context, provider: ImageProvider, body: ImageFields, usage: Usage) -> Response:
    """Hand the caller's request to OpenAI, and its answer to the caller."""
    used, count = start_usage(context, usage), max(1, body.count)
    most_tokens = provider.most_tokens(body.prompt, count=count, quality=body.quality)
    request = replace(pass_request(body, usage.model), most=Units(0, count), most_tokens=most_tokens)

    def charge() -> None:
        used.note_output(body.count)
        used.tokens = most_tokens

    return await pass_file(context, provider, request, charge=charge, meter=UsageMeter(provider, used))


def pass_request(body: ImageFields, model: str) -> ProviderRequest:
    """Return the caller's request for OpenAI, whose models always return base64 and refuse to be asked for it."""
    document = {**body.document, "model": model}
    if document.pop("response_format", None) is None and body.model:
        headers = [("Content-Type", "application/json")]
        content = body.content_for(model)
        return ProviderRequest(path="/images/generations", headers=headers, content=content, repeatable=False)
    return ProviderRequest.json("/images/generations", document, headers=[], repeatable=False)


def build_call(provider: ImageProvider, model: str, body: ImageFields) -> ImageCall:
    """Return the call in the platform's terms. Raises `RequestError` that names a field."""
    if not body.prompt.strip():
        raise RequestError.for_field("prompt", "Prompt is required")
    if not 1 <= body.count <= IMAGES_LIMIT:
        raise RequestError.for_field("n", f"must be from 1 to {IMAGES_LIMIT}")
    document = body.document
    for name in _OPENAIS:
        if document.get(name) not in {None, False, "auto", "png"}:
            raise RequestError.for_field(
                name, f"{provider.title} does not take `{name}`, or not with links to the images"
            )
    if body.response_format not in {None, "url", "b64_json"}:
        raise RequestError.for_field("response_format", "must be `url` or `b64_json`")
    size = None if body.size in {None, "auto"} else _SIZE.fullmatch(str(body.size))
    if size is None and body.size not in {None, "auto"}:
        raise RequestError.for_field("size", "must be a width and a height: `1024x1024`")
    return ImageCall(
        model=model,
        prompt=body.prompt,
        num_images=body.count,
        resolution=(int(size[1]), int(size[2])) if size else None,
        quality=None if body.quality in {None, "auto"} else body.quality,
        style=body.style,
    )


async def generate(context: Context, provider: ImageProvider, call: ImageCall, *, as_links: bool) -> Response:
    """Generate images and return them in OpenAI's format; links lead to stored files."""
    if as_links:
        IMAGES.check(context.settings, context.bindings)
    files = ImageFiles(context=context, provider=provider, model=call.model)
    generated = await generate_images(context, provider, call, on_file=files.add if as_links else None)
    context.max_retries = None  # the files have been paid for
    data: list[dict[str, Any]] = []
    losses: list[ElectronsError] = []
    while generated:
        image = generated.pop(0)
        try:
            data.append(await _describe(files, image, as_links=as_links))
        except ElectronsError as error:
            context.log.warning("image_lost", request_id=context.request_id, error=error.message)
            losses.append(error)
    if not data:
        raise losses[0]
    return Response.json({"created": int(time.time()), "data": data})


async def _describe(files: ImageFiles, image: GeneratedImage, *, as_links: bool) -> dict[str, Any]:
    revised = {"revised_prompt": image.prompt} if image.prompt else {}
    if as_links:
        return {"url": (await files.store_image(image)).url, **revised}
    if image.withheld:
        provider = files.provider
        message = f"{provider.title} withheld the image, because it failed the safety check; change the prompt"
        raise ProviderRejectedError(message, provider=provider.name)
    max_bytes = files.context.settings_as(ImageSettings).max_image_bytes
    content = await read_image(files.context, files.provider, image, max_bytes=max_bytes)
    return {"b64_json": b64encode(content).decode(), **revised}
