"""Request bodies that are `multipart/form-data` (RFC 7578)."""

from dataclasses import dataclass, field
from io import BytesIO

import python_multipart
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File

from .vendor import Call


@dataclass(frozen=True, slots=True)
class Form:
    """The fields and the uploaded files by name; each name has its values in the order of the body."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, list[bytes]] = field(default_factory=dict)


def parse_form(call: Call) -> Form:
    """Parse the form in the call's body. Raises `ValueError` if there is none."""
    content_type = call.headers.get("content-type", "")
    if not content_type.startswith("multipart/form-data"):
        raise ValueError("The body is not multipart/form-data.")
    form = Form()

    def add_field(found: Field) -> None:
        name = (found.field_name or b"").decode()
        form.fields.setdefault(name, []).append((found.value or b"").decode())

    def add_file(found: File) -> None:
        found.file_object.seek(0)
        form.files.setdefault((found.field_name or b"").decode(), []).append(found.file_object.read())
        found.close()

    try:
        python_multipart.parse_form({"Content-Type": content_type.encode()}, BytesIO(call.body), add_field, add_file)
    except (FormParserError, UnicodeDecodeError) as error:
        raise ValueError(f"The form cannot be parsed: {error}") from error
    return form
