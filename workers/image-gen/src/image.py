"""Image generation: the provider's files are fetched at once, kept in R2 and served from there."""

import time
from collections.abc import Mapping

from electrons.app import App
from electrons.context import Context, Usage
from electrons.errors import ElectronsError, ProviderError, ProviderRejectedError
from electrons.models.image import Image, ImageMetadata, ImageRequest, ImageResponse
from electrons.providers.ideogram import IdeogramProvider
from electrons.providers.image_format import CONTENT_TYPES, read_image_format
from electrons.providers.images import (
    GeneratedImage,
    ImageCall,
    ImageProvider,
    generate_images,
    read_image,
    resolve_image_model,
)
from electrons.providers.openai import OpenAIProvider
from electrons.storage.media import MediaFolder, new_name, serve_media
from electrons.storage.usage import record_usage

PROVIDERS: tuple[ImageProvider, ...] = (IdeogramProvider(), OpenAIProvider())
IMAGES = MediaFolder(bucket="IMAGE_STORAGE", path="/images", not_found="Image file not found")

app = App("image-gen", scope="image", providers=PROVIDERS)
serve_media(app, IMAGES)


def estimate(_context: Context, body: ImageRequest) -> Mapping[str, int]:
    """As many images as are asked for."""
    return {"images": body.options.num_images}


@app.post("/generate", estimate=estimate)
async def generate(context: Context, body: ImageRequest) -> ImageResponse:
    """`POST /generate`: the images that could be had, and warnings about those that could not."""
    provider, call, warnings = prepare(context, body)
    started = time.monotonic()
    generated = await generate_images(context, provider, call)
    images, losses = await keep(context, provider, call, generated)
    if not images:
        raise nothing_kept(provider, generated, losses)
    first = images[0]
    warnings += [describe_loss(provider, loss, of=len(generated)) for loss in losses]
    return ImageResponse(
        image_url=first.image_url,
        images=images,
        metadata=ImageMetadata(
            provider=provider.name,
            model=call.model,
            dimensions=f"{first.width}x{first.height}",
            format=first.format,
            seed=first.seed,
            generation_time_ms=round((time.monotonic() - started) * 1000),
            warnings=warnings or None,
        ),
    )


def prepare(context: Context, body: ImageRequest) -> tuple[ImageProvider, ImageCall, list[str]]:
    """Who answers, with what; and what had to be left out. From here on the call is counted."""
    options = body.options
    provider, model = resolve_image_model(body.model or context.settings.default_image_model, PROVIDERS)
    provider.api_key(context.settings)  # missing: say so before anything is counted
    context.bindings.bucket(IMAGES.bucket)  # missing: say so before anything is paid for
    call = ImageCall(
        model=model,
        prompt=body.prompt,
        num_images=options.num_images,
        aspect_ratio=options.ratio,
        resolution=options.size,
        style=options.style,
        seed=options.seed,
        negative_prompt=options.negative_prompt,
        quality=options.quality,
    )
    call, warnings = provider.fit_images(call)
    record_usage(context, Usage(provider=provider.name, model=model, unit="images"))
    return provider, call, warnings


async def keep(
    context: Context, provider: ImageProvider, call: ImageCall, generated: list[GeneratedImage]
) -> tuple[list[Image], list[ElectronsError]]:
    """Fetches and stores one image after the other, so that only one is in memory; what failed stands beside them."""
    images: list[Image] = []
    losses: list[ElectronsError] = []
    for image in generated:
        try:
            images.append(await keep_one(context, provider, call, image))
        except ElectronsError as error:
            context.log.warning("image_lost", request_id=context.request_id, error=error.message)
            losses.append(error)
    return images, losses


async def keep_one(context: Context, provider: ImageProvider, call: ImageCall, image: GeneratedImage) -> Image:
    """One stored image. Raises `ProviderError` for one that cannot be had, and `UnavailableError` for R2."""
    if image.withheld:
        raise ProviderRejectedError(
            f"{provider.title} withheld it, because it failed the safety check", provider=provider.name
        )
    content = await read_image(context, provider, image)
    try:
        form = read_image_format(content)
    except ValueError as error:
        raise ProviderError(f"{provider.title}'s file is no image: {error}", provider=provider.name) from error
    name = new_name(form.name)
    await IMAGES.put_bytes(
        context, name, content, content_type=CONTENT_TYPES[form.name], provider=provider.name, model=call.model
    )
    return Image(
        image_url=IMAGES.url(context, name),
        width=form.width,
        height=form.height,
        format=form.name,
        size_bytes=len(content),
        seed=image.seed,
        prompt=image.prompt if image.prompt != call.prompt else None,
    )


def describe_loss(provider: ImageProvider, loss: ElectronsError, *, of: int) -> str:
    """The warning about an image that is missing among others."""
    if isinstance(loss, ProviderRejectedError):
        return f"1 of {of} images is missing: {loss.message}"
    return f"1 of {of} images is missing, though {provider.title} made it and charges for it: {loss.message}"


def nothing_kept(
    provider: ImageProvider, generated: list[GeneratedImage], losses: list[ElectronsError]
) -> ElectronsError:
    """The error when no image is left. A safety refusal is the answer only if it was all there is to say."""
    loss = next((loss for loss in losses if not isinstance(loss, ProviderRejectedError)), losses[0])
    loss.details = {**(loss.details or {}), "images_made": len(generated)}
    if isinstance(loss, ProviderRejectedError):
        loss.message = f"The image failed {provider.title}'s safety check and was withheld; change the prompt"
    else:
        loss.message = f"{provider.title} made the image and charges for it, but it could not be kept: {loss.message}"
        loss.details["paid"] = True
    return loss
