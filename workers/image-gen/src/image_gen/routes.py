"""Image generation: the provider's files are downloaded at once, stored in R2 and served from there."""

from collections.abc import Mapping

from electrons.app import App
from electrons.capabilities.images import GeneratedImage, ImageCall, ImageProvider, generate_images
from electrons.context import Context
from electrons.errors import ElectronsError, ProviderRejectedError
from electrons.fallbacks import call_first, name_models, start_usage
from electrons.registry import choose_model, find_providers, resolve_model
from electrons.routing import RouteDocs
from electrons.usage import Usage
from image_gen.files import IMAGES, ImageFiles
from image_gen.models import Image, ImageMetadata, ImageRequest, ImageResponse
from image_gen.settings import ImageSettings, find_default
from image_gen.vendor_routes import add_vendor_routes

PROVIDERS = find_providers(ImageProvider)

app = App("image-gen", scope="image", providers=PROVIDERS, settings=ImageSettings)
app.serve_media(IMAGES)
add_vendor_routes(app, PROVIDERS)


def estimate(body: ImageRequest) -> Mapping[str, int]:
    """Return how many images are asked for."""
    return {"images": body.options.num_images}


@app.post(
    "/generate",
    needs=(IMAGES,),
    estimate=estimate,
    docs=RouteDocs(example={"prompt": "A lighthouse at dusk", "options": {"aspect_ratio": "16:9"}}),
)
async def generate(context: Context, body: ImageRequest) -> ImageResponse:
    """Generate and store images; return those that were stored, and warnings about those that were lost."""
    models = name_models(context, body.model or body.options.model or find_default(context, PROVIDERS))
    for name in models[1:]:
        resolve_model(name, PROVIDERS)
    return await call_first(context, models, lambda model: generate_with(context, body, model))


async def generate_with(context: Context, body: ImageRequest, model: str) -> ImageResponse:
    """Return the images of one model."""
    provider, call, warnings = prepare(context, body, model)
    files = ImageFiles(context=context, provider=provider, model=call.model)
    generated = await generate_images(context, provider, call, on_file=files.add)
    context.max_retries = None  # the files have been paid for
    made = len(generated)
    images, losses = await store_images(files, call, generated)
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


def prepare(context: Context, body: ImageRequest, name: str) -> tuple[ImageProvider, ImageCall, list[str]]:
    """Return the provider, its call, and warnings about what was left out. From here on the call is counted."""
    options = body.options
    provider, model = choose_model(context, name, PROVIDERS)
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
    start_usage(context, Usage(provider=provider.name, model=model, unit="images", grade=call.quality or ""))
    return provider, call, [*options.warnings, *warnings]


async def store_images(
    files: ImageFiles, call: ImageCall, generated: list[GeneratedImage]
) -> tuple[list[Image], list[ElectronsError]]:
    """Store one image after the other, and return those that were stored and why the others were not.

    `generated` is empty afterwards: an image that is stored leaves the memory.
    """
    images: list[Image] = []
    losses: list[ElectronsError] = []
    while generated:
        image = generated.pop(0)
        try:
            stored = await files.store_image(image)
        except ElectronsError as error:
            files.context.log.warning("image_lost", request_id=files.context.request_id, error=error.message)
            losses.append(error)
            continue
        images.append(
            Image(
                image_url=stored.url,
                width=stored.format.width,
                height=stored.format.height,
                format=stored.format.name,
                size_bytes=stored.size,
                seed=image.seed,
                prompt=image.prompt if image.prompt != call.prompt else None,
            )
        )
    return images, losses


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
