"""Images and files within requests. Links are not followed: the emulators load nothing from elsewhere.

Source: https://developers.openai.com/api/docs/guides/images-vision (formats, sizes), and published error texts.
"""

import re

from ...attachments import IMAGE_TYPES, decode_base64, is_pdf, read_image, split_data_url
from .http import InvalidRequestError

_MAX_IMAGE_BYTES = 20 * 1024 * 1024
_MAX_FILE_BYTES = 50 * 1024 * 1024
_TOKENS_BY_DETAIL = {"low": 85}
_TOKENS_PER_IMAGE = 765
_TOKENS_PER_FILE = 1500
_LINK = re.compile(r"https?://[^\s/]+\S*", re.IGNORECASE)
_DETAILS = ("auto", "low", "high", "original")


def count_image(url: object, detail: object, *, param: str) -> int:
    """Return the tokens of an image. Raises `InvalidRequestError` unless it is a link or a data URL of an image."""
    if not isinstance(url, str):
        message = f"Invalid type for '{param}': expected an image URL, but got something else instead."
        raise InvalidRequestError(message, param=param, code="invalid_type")
    if detail is not None and detail not in _DETAILS:
        supported = ", ".join(f"'{name}'" for name in _DETAILS[:-1])
        message = f"Invalid value: '{detail}'. Supported values are: {supported}, and '{_DETAILS[-1]}'."
        raise InvalidRequestError(message, param=param.replace(".url", ".detail"), code="invalid_value")
    if not _LINK.fullmatch(url):
        _check_image(url, param)
    return _TOKENS_BY_DETAIL.get(str(detail), _TOKENS_PER_IMAGE)


def _check_image(url: str, param: str) -> None:
    parts = split_data_url(url)
    if parts is None:
        message = f"Invalid '{param}'. Expected a valid URL, but got a value with an invalid format."
        raise InvalidRequestError(message, param=param, code="invalid_value")
    media_type, data = parts
    if not media_type.startswith("image/"):
        raise InvalidRequestError("Invalid MIME type. Only image types are supported.", code="invalid_image_format")
    content = decode_base64(data)
    if content is None:
        raise InvalidRequestError("Invalid base64 image_url.", param=param, code="invalid_base64")
    if len(content) > _MAX_IMAGE_BYTES:
        message = f"Image is too large: {len(content)} bytes. The maximum size is {_MAX_IMAGE_BYTES} bytes."
        raise InvalidRequestError(message, param=param, code="image_too_large")
    image = read_image(content)
    if image is None or image.media_type not in IMAGE_TYPES:
        message = (
            "You uploaded an unsupported image. Please make sure your image has of one the following formats: "
            "['png', 'jpeg', 'gif', 'webp']."
        )
        raise InvalidRequestError(message, param=param, code="invalid_image_format")


def count_file(fields: object, *, param: str) -> int:
    """Return the tokens of a file. Raises `InvalidRequestError` unless it is a PDF as a data URL, or a link."""
    given = fields if isinstance(fields, dict) else {}
    if given.get("file_id"):
        raise InvalidRequestError(f"No such File object: {given['file_id']}", param=f"{param}.file_id")
    if isinstance(given.get("file_url"), str) and _LINK.fullmatch(given["file_url"]):
        return _TOKENS_PER_FILE
    data_url = given.get("file_data")
    if not isinstance(data_url, str):
        message = f"Missing required parameter: '{param}.file_id'."
        raise InvalidRequestError(message, param=f"{param}.file_id", code="missing_required_parameter")
    parts = split_data_url(data_url)
    content = decode_base64(parts[1]) if parts else None
    if not parts or parts[0] != "application/pdf" or content is None or not is_pdf(content):
        message = f"Invalid file data: '{param}.file_data'. Expected a base64-encoded data URL of a PDF."
        raise InvalidRequestError(message, param=f"{param}.file_data", code="invalid_value")
    if len(content) > _MAX_FILE_BYTES:
        raise InvalidRequestError("The file is too large.", param=f"{param}.file_data", code="invalid_value")
    return _TOKENS_PER_FILE
