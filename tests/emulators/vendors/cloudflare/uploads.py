"""A script's upload: `metadata` and modules as multipart/form-data, or one plain service worker.

A module's name is the filename of its part (wrangler gives the part the same name, the Python SDK names every part
`files`), its type is the part's Content-Type. Source:
https://developers.cloudflare.com/workers/configuration/multipart-upload-metadata/.
"""

import asyncio
import base64
import hashlib
import zlib
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from ...validation import describe_first_error
from ...vendor import Call, Refusal
from .http import INVALID, error, refusal

OLDEST_DATE = "2021-11-02"
"""Cloudflare's default for `compatibility_date`."""

_MAX_COMPRESSED_BYTES = 10 * 1024 * 1024
_OLDEST_PYTHON_DATE = "2026-09-08"
_MODULE_TYPES = {
    "application/javascript+module": "ESModule",
    "text/javascript+module": "ESModule",
    "application/javascript": "CommonJS",
    "text/javascript": "CommonJS",
    "text/x-python": "PythonModule",
    "application/wasm": "CompiledWasm",
    "text/plain": "Text",
    "application/octet-stream": "Data",
}
_SOURCE_MAP = "application/source-map"

Binding = dict[str, Any]


class Renaming(BaseModel):
    """A class of Durable Objects that gets another name, or another script."""

    model_config = ConfigDict(strict=True, populate_by_name=True)
    source: str = Field(alias="from")
    to: str
    from_script: str | None = None


class MigrationStep(BaseModel):
    """Changes to the classes of a script that are Durable Objects."""

    model_config = ConfigDict(strict=True)
    new_classes: list[str] = []
    new_sqlite_classes: list[str] = []
    deleted_classes: list[str] = []
    renamed_classes: list[Renaming] = []
    transferred_classes: list[Renaming] = []


class Migrations(MigrationStep):
    """One step, or several in `steps`; `old_tag` must be the script's current tag."""

    old_tag: str | None = None
    new_tag: str | None = None
    steps: list[MigrationStep] = []


class Metadata(BaseModel):
    """The metadata fields with an effect in the emulator; others are ignored."""

    model_config = ConfigDict(strict=True)
    main_module: str | None = None
    body_part: str | None = None
    compatibility_date: str | None = None
    compatibility_flags: list[str] = []
    bindings: list[Binding] = []
    keep_bindings: list[str] = []
    migrations: Migrations | None = None
    exports: dict[str, Any] | None = None
    annotations: dict[str, str] = {}
    tags: list[str] = []
    observability: dict[str, Any] | None = None
    logpush: bool = False
    limits: dict[str, int] = {}
    usage_model: str = "standard"


@dataclass(frozen=True, slots=True)
class Module:
    """One file; `type` is miniflare's name for its type."""

    name: str
    type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """A checked upload; the first module is the main one."""

    modules: tuple[Module, ...]
    metadata: Metadata

    @property
    def etag(self) -> str:
        """A checksum of all modules."""
        digest = hashlib.sha256()
        for module in self.modules:
            digest.update(f"{module.name}\0{module.type}\0{len(module.content)}\0".encode())
            digest.update(module.content)
        return digest.hexdigest()

    @property
    def is_service_worker(self) -> bool:
        """Whether it is a script without a main module."""
        return self.metadata.main_module is None

    @property
    def key(self) -> str:
        """A checksum of all modules and what they run with."""
        compatibility = [self.metadata.compatibility_date or "", *self.metadata.compatibility_flags]
        return f"{self.etag} {' '.join(compatibility)}"

    def describe(self) -> dict[str, Any]:
        """Return the code for `runtime.mjs`."""
        modules = [
            {"type": module.type, "path": module.name, "contents": base64.b64encode(module.content).decode()}
            for module in self.modules
        ]
        return {
            "serviceWorker": self.is_service_worker,
            "modules": modules,
            "compatibilityDate": self.metadata.compatibility_date or OLDEST_DATE,
            "compatibilityFlags": self.metadata.compatibility_flags,
        }


def read_upload(call: Call) -> Upload:
    """Parse the upload in the call's body. Raises `Refusal` for what Cloudflare refuses before it starts a Worker."""
    content_type = call.headers.get("content-type", "").partition(";")[0]
    if content_type in ("application/javascript", "text/javascript"):
        script = Module("worker.js", "CommonJS", call.body)
        return Upload((script,), Metadata(body_part=script.name))
    if content_type != "multipart/form-data":
        raise refusal(400, INVALID, f"Unsupported Content-Type {content_type or '(none)'}")
    metadata_text, parts = _parse_parts(call)
    if metadata_text is None:
        raise refusal(400, INVALID, "could not read content for part metadata")
    try:
        metadata = Metadata.model_validate_json(metadata_text)
    except ValidationError as problem:
        raise refusal(400, INVALID, f"metadata part is invalid: {describe_first_error(problem)}") from problem
    if metadata.exports:
        raise refusal(400, INVALID, "exports are not supported by this emulator; use migrations")
    _check_date(metadata.compatibility_date)
    _check_size(content for _, content in parts.values())
    return Upload(_order_modules(parts, metadata), metadata)


def _parse_parts(call: Call) -> tuple[bytes | None, dict[str, tuple[str, bytes]]]:
    """Return the metadata, and the content type and content of every other file by its filename."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield call.body

    async def parse() -> tuple[bytes | None, dict[str, tuple[str, bytes]]]:
        parser = MultiPartParser(Headers(call.headers), stream(), max_files=float("inf"), max_part_size=len(call.body))
        form = await parser.parse()
        metadata: bytes | None = None
        parts: dict[str, tuple[str, bytes]] = {}
        for name, value in form.multi_items():
            if name == "metadata":
                metadata = await value.read() if isinstance(value, UploadFile) else value.encode()
            elif isinstance(value, UploadFile):
                content_type = (value.content_type or "").partition(";")[0].strip()
                parts[value.filename or name] = (content_type, await value.read())
        await form.close()
        return metadata, parts

    try:
        return asyncio.run(parse())
    except MultiPartException as problem:
        raise refusal(400, INVALID, f"could not parse multipart upload: {problem.message}") from problem


def _check_size(contents: Iterable[bytes]) -> None:
    """Check the limit of paid plans; an upload that is smaller without compression is not compressed for it."""
    content = b"".join(contents)
    if len(content) > _MAX_COMPRESSED_BYTES and len(zlib.compress(content, 1)) > _MAX_COMPRESSED_BYTES:
        raise Refusal(error(413))


def _check_date(value: str | None) -> None:
    if value is None:
        return
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise refusal(400, INVALID, f'Invalid compatibility date: "{value}".') from None
    if day > datetime.now(UTC).date():
        raise refusal(400, INVALID, f'Can\'t set compatibility date in the future: "{value}".')


def _order_modules(parts: Mapping[str, tuple[str, bytes]], metadata: Metadata) -> tuple[Module, ...]:
    main = metadata.main_module or metadata.body_part
    if not main:
        raise refusal(400, INVALID, "metadata part must have either a main_module or a body_part")
    if main not in parts:
        raise refusal(400, INVALID, f'No such module "{main}".')
    modules = [Module(main, _module_type(main, parts[main][0]), parts[main][1])]
    for name, (content_type, content) in parts.items():
        if name != main and content_type != _SOURCE_MAP:
            modules.append(Module(name, _module_type(name, content_type), content))
    if any(module.type == "PythonModule" for module in modules):
        _check_python(metadata)
    return tuple(modules)


def _module_type(name: str, content_type: str) -> str:
    if content_type not in _MODULE_TYPES:
        raise refusal(400, INVALID, f"module {name} has unsupported Content-Type {content_type}")
    return _MODULE_TYPES[content_type]


def _check_python(metadata: Metadata) -> None:
    """Check that the script runs on the emulator's Python, which is that of the newest compatibility dates."""
    if "python_workers" not in metadata.compatibility_flags:
        raise refusal(400, INVALID, "The python_workers compatibility flag is required to use Python.")
    if (metadata.compatibility_date or OLDEST_DATE) < _OLDEST_PYTHON_DATE:
        text = f"This emulator runs Python Workers with a compatibility_date of {_OLDEST_PYTHON_DATE} or later."
        raise refusal(400, INVALID, text)
