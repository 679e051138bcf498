"""The three ways to generate images, and the files behind their links.

A link contains `exp` and `sig`, and expires after a day; an expired or changed one gets 403.
"""

import hmac
import json
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ...forms import parse_form
from ...media import media_response
from ...pictures import encode, paint
from ...validation import describe_first_error
from ...vendor import Call, Refusal, Response, json_response
from .http import error
from .requests import Generation, LegacyEnvelope, RequestV3, RequestV4, parse_size

_LINK_SECONDS = 24 * 60 * 60
_MAX_IMAGES = 1000
_KEY = secrets.token_bytes(32)
_LISTS = {"style_codes", "style_reference_images", "character_reference_images", "character_reference_images_mask"}


@dataclass(frozen=True, slots=True)
class _Image:
    """The values that an image is painted from when its file is fetched."""

    prompt: str
    seed: int
    size: tuple[int, int]


_images: OrderedDict[str, _Image] = OrderedDict()


def generate_v4(call: Call) -> Response:
    """Return one image of version 4."""
    request = _parse(call, RequestV4)
    body = _generate(call, request.prompt, resolution=request.resolution, seed=None, count=1)
    return json_response({**body, "response_type": "url"})


def generate_v3(call: Call) -> Response:
    """Return images of version 3."""
    request = _parse(call, RequestV3)
    return _generate_with_style(
        call, request, magic_prompt=request.magic_prompt, resolution=request.resolution_name, style=request.style_type
    )


def generate_legacy(call: Call) -> Response:
    """Return images of the versions before 3."""
    request = _parse(call, LegacyEnvelope).image_request
    return _generate_with_style(
        call,
        request,
        magic_prompt=request.magic_prompt_option,
        resolution=request.resolution_name,
        style=request.style_type,
    )


def get_image(call: Call) -> Response:
    """Return the PNG behind a link, painted for each request and always the same."""
    name, exp, sig = call.params["name"], call.query_value("exp"), call.query_value("sig")
    if not hmac.compare_digest(sig.encode(), _sign(name, exp).encode()) or int(exp) <= time.time():
        raise Refusal(error(403))
    image = _images.get(name)
    if image is None:
        raise Refusal(error(404))
    if "[no-image]" in image.prompt:
        return media_response(call, b"<!DOCTYPE html><title>No image</title>", content_type="image/png")
    picture = paint(image.prompt, seed=image.seed, size=image.size, signature="emulated Ideogram")
    return media_response(call, encode(picture, "png"), content_type="image/png")


def _generate_with_style(
    call: Call, request: Generation, *, magic_prompt: str, resolution: str, style: str | None
) -> Response:
    # Magic prompt rewrites the prompt, so that the response contains another one than the request.
    prompt = f"{request.prompt}, in rich detail and soft light" if magic_prompt == "ON" else request.prompt
    body = _generate(call, prompt, resolution=resolution, seed=request.seed, count=request.num_images)
    for image in body["data"]:
        image["style_type"] = style or "GENERAL"
    return json_response(body)


def _generate(call: Call, prompt: str, *, resolution: str, seed: int | None, count: int) -> dict[str, Any]:
    if "[unsafe]" in prompt:
        raise Refusal(error(422))
    safe = "[unsafe-image]" not in prompt
    first_seed = secrets.randbelow(2**31) if seed is None else seed
    data = []
    for number in range(count):
        image = _Image(prompt, (first_seed + number) % 2**31, parse_size(resolution))
        data.append(
            {
                "prompt": prompt,
                "resolution": resolution,
                "is_image_safe": safe,
                "seed": image.seed,
                "url": _create_link(call, image) if safe else None,
            }
        )
    return {"created": datetime.now(UTC).isoformat(), "data": data}


def _create_link(call: Call, image: _Image) -> str:
    name = f"{secrets.token_urlsafe(16)}.png"
    _images[name] = image
    while len(_images) > _MAX_IMAGES:
        _images.popitem(last=False)
    seconds = -1 if "[expired]" in image.prompt else _LINK_SECONDS
    exp = str(int(time.time()) + seconds)
    base = "https://images.example" if "[foreign]" in image.prompt else call.url_of("/ideogram")
    return f"{base}/_files/{name}?exp={exp}&sig={_sign(name, exp)}"


def _sign(name: str, exp: str) -> str:
    return hmac.new(_KEY, f"{name} {exp}".encode(), sha256).hexdigest()


Schema = TypeVar("Schema", bound=BaseModel)


def _parse(call: Call, schema: type[Schema]) -> Schema:
    """Parse the body, a form or JSON; the legacy endpoint takes JSON only. Raises `Refusal` with 400."""
    is_form = call.headers.get("content-type", "").startswith("multipart/form-data") and schema is not LegacyEnvelope
    try:
        return schema.model_validate(_parse_fields(call) if is_form else json.loads(call.body))
    except ValidationError as failure:
        raise Refusal(error(400, describe_first_error(failure))) from failure
    except ValueError as failure:
        raise Refusal(error(400, str(failure))) from failure


def _parse_fields(call: Call) -> dict[str, Any]:
    form = parse_form(call)
    fields: dict[str, Any] = {**form.fields, **form.files}
    return {name: values if name in _LISTS else values[-1] for name, values in fields.items()}
