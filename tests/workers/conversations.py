"""What the tests of translated conversations share: a script of tool calls, a schema, a picture."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

from PIL import Image
from pydantic import BaseModel

PLAY = json.dumps(
    {
        "play": [
            [{"name": "get_weather", "input": {"city": "Köln"}}, {"name": "get_time", "input": {}}],
            [{"name": "get_time", "input": {"zone": "UTC"}}],
        ]
    }
)
"""A prompt for which the emulated model makes two calls at once, and then one more."""


class Weather(BaseModel):  # a docstring would be sent as a part of the schema
    city: str
    degrees: int


def parameters_of(*required: str) -> dict[str, Any]:
    """Return the schema of a tool that needs these strings."""
    fields = {field: {"type": "string"} for field in required}
    return {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}


def user(content: Any) -> Any:
    """Return a message of the user."""
    return {"role": "user", "content": content}


def encode_picture() -> str:
    """Return a PNG of two by two pixels in base64."""
    file = io.BytesIO()
    Image.new("RGB", (2, 2)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
