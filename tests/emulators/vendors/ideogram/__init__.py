"""Ideogram: image generation with version 4, version 3 and the legacy endpoint, as of November 2026.

Sources: https://developer.ideogram.ai and its published OpenAPI document. Image links carry `exp` and `sig`, and end
after a day; one that has ended or was tampered with is answered with 403. The bodies of 400, 401, 403 and 429 are not
published: they have the form of 422.

| in the prompt    | what follows |
|------------------|--------------|
| `[unsafe]`       | 422: the prompt failed the safety check |
| `[unsafe-image]` | 200, but no image: `is_image_safe` is false, `url` is null |
| `[expired]`      | links whose time is already over |
| `[foreign]`      | links to a host that is not Ideogram's |
| `[no-image]`     | files that are web pages, whatever their `Content-Type` says |
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
from ...media import media_answer
from ...pictures import encode, paint
from ...vendor import Answer, Call, Refusal, Route, Vendor, json_answer, json_errors
from .requests import LegacyEnvelope, RequestV3, RequestV4, pixels

_LINK_SECONDS = 24 * 60 * 60
_KEPT_IMAGES = 1000
_KEY = secrets.token_bytes(32)
_LISTS = {"style_codes", "style_reference_images", "character_reference_images", "character_reference_images_mask"}
_TEXTS = {
    400: "Invalid input provided.",
    401: "Not authorized to generate an image.",
    402: "Insufficient credits.",
    403: "The link has expired.",
    404: "Not found.",
    405: "Method not allowed.",
    413: "The request is too large.",
    422: "Prompt provided failed safety check due to the inclusion of prohibited content.",
    429: "Too many requests.",
    500: "Internal server error.",
    503: "Service unavailable.",
}


@dataclass(frozen=True, slots=True)
class _Image:
    """What an image is painted from when somebody fetches it."""

    prompt: str
    seed: int
    size: tuple[int, int]


_images: OrderedDict[str, _Image] = OrderedDict()


def generate_v4(call: Call) -> Answer:
    request = _read(call, RequestV4)
    body = _generate(call, request.prompt, resolution=request.resolution, seed=None, count=1)
    return json_answer({**body, "response_type": "url"})


def generate_v3(call: Call) -> Answer:
    request = _read(call, RequestV3)
    body = _generate(
        call,
        _rewrite(request.prompt, request.magic_prompt),
        resolution=request.resolution_name,
        seed=request.seed,
        count=request.num_images,
        style_type=request.style_type or "GENERAL",
    )
    return json_answer(body)


def generate_legacy(call: Call) -> Answer:
    request = _read(call, LegacyEnvelope).image_request
    body = _generate(
        call,
        _rewrite(request.prompt, request.magic_prompt_option),
        resolution=request.resolution_name,
        seed=request.seed,
        count=request.num_images,
        style_type=request.style_type or "GENERAL",
    )
    return json_answer(body)


def get_image(call: Call) -> Answer:
    """The PNG behind a link; painted anew each time, and always the same."""
    name, exp, sig = call.params["name"], *(call.query.get(part, [""])[0] for part in ("exp", "sig"))
    if not hmac.compare_digest(sig.encode(), _sign(name, exp).encode()) or int(exp) <= time.time():
        raise Refusal(error(403))
    image = _images.get(name)
    if image is None:
        raise Refusal(error(404))
    if "[no-image]" in image.prompt:
        return media_answer(call, b"<!DOCTYPE html><title>No image</title>", content_type="image/png")
    picture = paint(image.prompt, seed=image.seed, size=image.size, signature="emulated Ideogram")
    return media_answer(call, encode(picture, "png"), content_type="image/png")


def _generate(
    call: Call, prompt: str, *, resolution: str, seed: int | None, count: int, **members: Any
) -> dict[str, Any]:
    if "[unsafe]" in prompt:
        raise Refusal(error(422))
    safe = "[unsafe-image]" not in prompt
    first = secrets.randbelow(2**31) if seed is None else seed
    data = []
    for number in range(count):
        own_seed = (first + number) % 2**31
        image = _Image(prompt, own_seed, pixels(resolution))
        url = _link(call, image) if safe else None
        described = {"prompt": prompt, "resolution": resolution, "is_image_safe": safe, "seed": own_seed, "url": url}
        data.append({**described, **members})
    return {"created": datetime.now(UTC).isoformat(), "data": data}


def _link(call: Call, image: _Image) -> str:
    name = f"{secrets.token_urlsafe(16)}.png"
    _images[name] = image
    while len(_images) > _KEPT_IMAGES:
        _images.popitem(last=False)
    seconds = -1 if "[expired]" in image.prompt else _LINK_SECONDS
    exp = str(int(time.time()) + seconds)
    base = "https://images.example" if "[foreign]" in image.prompt else f"http://{call.headers['host']}/ideogram"
    return f"{base}/_files/{name}?exp={exp}&sig={_sign(name, exp)}"


def _sign(name: str, exp: str) -> str:
    return hmac.new(_KEY, f"{name} {exp}".encode(), sha256).hexdigest()


def _rewrite(prompt: str, magic_prompt: str) -> str:
    """Magic prompt rewrites: then the prompt that comes back is not the one that was sent."""
    return f"{prompt}, in rich detail and soft light" if magic_prompt == "ON" else prompt


Shape = TypeVar("Shape", bound=BaseModel)


def _read(call: Call, shape: type[Shape]) -> Shape:
    """The body, a form or JSON, in the given shape. Raises `Refusal` with 400."""
    try:
        return shape.model_validate(
            _read_form(call) if shape is not LegacyEnvelope and _is_form(call) else json.loads(call.body)
        )
    except ValidationError as failure:
        detail = failure.errors(include_url=False)[0]
        where = ".".join(str(part) for part in detail["loc"])
        message = f"{where}: {detail['msg']}" if where else detail["msg"].removeprefix("Value error, ")
        raise Refusal(error(400, message)) from failure
    except ValueError as failure:
        raise Refusal(error(400, str(failure))) from failure


def _is_form(call: Call) -> bool:
    return call.headers.get("content-type", "").startswith("multipart/form-data")


def _read_form(call: Call) -> dict[str, Any]:
    form = parse_form(call)
    members: dict[str, Any] = {**form.fields, **form.files}
    return {name: values if name in _LISTS else values[-1] for name, values in members.items()}


def authenticate(call: Call) -> None:
    """`Api-Key`. Any key will do that does not start with `invalid`; links to images need none."""
    key = call.headers.get("api-key", "")
    if not call.path.startswith("/_files/") and (not key.strip() or key.startswith("invalid")):
        raise Refusal(error(401))


def _error_body(status: int, message: str | None) -> dict[str, str]:
    return {"error": message or _TEXTS.get(status) or _TEXTS[400 if status < 500 else 500]}


error, error_frame = json_errors(_error_body)


def unknown_route(call: Call) -> Answer:
    return error(405 if any(route.path == call.path for route in vendor.routes) else 404)


vendor = Vendor(
    name="ideogram",
    routes=(
        Route("POST", "/v1/ideogram-v4/generate", generate_v4),
        Route("POST", "/v1/ideogram-v3/generate", generate_v3),
        Route("POST", "/generate", generate_legacy),
        Route("GET", "/_files/{name}", get_image, slow=True),
        Route("HEAD", "/_files/{name}", get_image, slow=True),
    ),
    authenticate=authenticate,
    error=error,
    error_frame=error_frame,
    unknown_route=unknown_route,
    max_body_bytes=32 * 1024 * 1024,
)
