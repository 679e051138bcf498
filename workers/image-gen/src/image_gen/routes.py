"""Image generation: the provider's files are downloaded at once, stored in R2 and served from there."""

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
    """Return how many images are asked for."""
    return {"images": body.options.num_images}


@app.post("/generate", needs=(IMAGES,), estimate=estimate)
async def generate(context: Context, body: ImageRequest) -> ImageResponse:
    """Generate and store images; return those that were stored, and warnings about those that were lost."""
    provider, call, warnings = prepare(context, body)
    generated = await generate_images(context, provider, call)
    made = len(generated)
    images, losses = await store_images(context, provider, call, generated)
    if not images:
        raise nothing_stored(provider, losses, made=made)
    first = images[0]
    warnings += [describe_loss(provider, loss, made=made) for loss in losses]
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
    """Return the provider, its call, and warnings about what was left out. From here on the call is counted."""
    options = body.options
    default_model = context.settings_as(ImageSettings).default_image_model
    provider, model = choose_model(context, body.model or options.model or default_model, PROVIDERS)
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
    return provider, call, [*options.warnings, *warnings]


async def store_images(
    context: Context, provider: ImageProvider, call: ImageCall, generated: list[GeneratedImage]
) -> tuple[list[Image], list[ElectronsError]]:
    """Store one image after the other, and return those that were stored and why the others were not.

    `generated` is empty afterwards: an image that is stored leaves the memory.
    """
    images: list[Image] = []
    losses: list[ElectronsError] = []
    while generated:
        try:
            images.append(await store_image(context, provider, call, generated.pop(0)))
        except ElectronsError as error:
            context.log.warning("image_lost", request_id=context.request_id, error=error.message)
            losses.append(error)
    return images, losses


async def store_image(context: Context, provider: ImageProvider, call: ImageCall, image: GeneratedImage) -> Image:
    """Store an image and return it. Raises `ProviderError` if the image is lost, `UnavailableError` if R2 fails."""
    if image.withheld:
        raise ProviderRejectedError(
            f"{provider.title} withheld it, because it failed the safety check", provider=provider.name
        )
    content = await read_image(context, provider, image, max_bytes=context.settings_as(ImageSettings).max_image_bytes)
    try:
        form = read_image_format(content)
    except ValueError as error:
        raise ProviderError(f"{provider.title}'s file is not an image: {error}", provider=provider.name) from error
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


def describe_loss(provider: ImageProvider, loss: ElectronsError, *, made: int) -> str:
    """Return the warning about an image that is missing among others."""
    if isinstance(loss, ProviderRejectedError):
        return f"1 of {made} images is missing: {loss.message}"
    return f"1 of {made} images is missing, though {provider.title} made it and charges for it: {loss.message}"


def nothing_stored(provider: ImageProvider, losses: list[ElectronsError], *, made: int) -> ElectronsError:
    """Return the error when no image is left: a failure, if there was one, rather than a safety refusal."""
    loss = next((loss for loss in losses if not isinstance(loss, ProviderRejectedError)), losses[0])
    loss.details = {**(loss.details or {}), "images_made": made}
    if isinstance(loss, ProviderRejectedError):
        loss.message = f"The image failed {provider.title}'s safety check and was withheld; change the prompt"
    else:
        loss.message = f"{provider.title} made the image and charges for it, but it could not be stored: {loss.message}"
        loss.details["paid"] = True
    return loss
