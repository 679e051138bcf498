"""Image generation: the provider's files are fetched at once, kept in R2 and served from there."""

from collections.abc import Mapping

from electrons.app import App
from electrons.capabilities.images import (
    GeneratedImage,
    ImageCall,
    ImageProvider,
    generate_images,
    read_image,
)
from electrons.context import Context
from electrons.errors import ElectronsError, ProviderError, ProviderRejectedError
from electrons.media.images import CONTENT_TYPES, read_image_format
from electrons.registry import choose_model, find_providers
from electrons.storage.ledger import record_usage
from electrons.storage.media import MediaFolder, new_name
from electrons.usage import Usage
from image_gen.models import Image, ImageMetadata, ImageRequest, ImageResponse
from image_gen.settings import ImageSettings

PROVIDERS = find_providers(ImageProvider)
IMAGES = MediaFolder(bucket="IMAGE_STORAGE", path="/images", not_found="Image file not found")

app = App("image-gen", scope="image", providers=PROVIDERS, settings=ImageSettings)
app.serve_media(IMAGES)


def estimate(body: ImageRequest) -> Mapping[str, int]:
    """As many images as are asked for."""
    return {"images": body.options.num_images}


@app.post("/generate", needs=(IMAGES,), estimate=estimate)
async def generate(context: Context, body: ImageRequest) -> ImageResponse:
    """`POST /generate`: the images that could be had, and warnings about those that could not."""
    provider, call, warnings = prepare(context, body)
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
            generation_time_ms=context.elapsed_ms(),
            warnings=warnings or None,
        ),
    )


def prepare(context: Context, body: ImageRequest) -> tuple[ImageProvider, ImageCall, list[str]]:
    """Who answers, with what; and what had to be left out. From here on the call is counted."""
    options = body.options
    default_model = context.settings_as(ImageSettings).default_image_model
    provider, model = choose_model(context, body.model or default_model, PROVIDERS)
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
    content = await read_image(context, provider, image, max_bytes=context.settings_as(ImageSettings).max_image_bytes)
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
