"""Store the files of a generation in R2, each as soon as it is there."""

from __future__ import annotations

from dataclasses import dataclass, field

from electrons.capabilities.images import (
    INVALID_BASE64,
    GeneratedImage,
    ImageProvider,
    lost_image,
    read_image,
    too_large_image,
)
from electrons.context import Context
from electrons.errors import ElectronsError, ProviderError, ProviderRejectedError
from electrons.media.images import CONTENT_TYPES, ImageFormat, read_image_format
from electrons.storage.media import MediaFolder, new_name
from image_gen.settings import ImageSettings

IMAGES = MediaFolder(
    bucket="IMAGE_STORAGE",
    path="/images",
    not_found="Image file not found",
    content_types=("image/png", "image/jpeg", "image/webp"),
)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in R2; `size` is in bytes."""

    url: str
    format: ImageFormat
    size: int


@dataclass(slots=True, kw_only=True)
class ImageFiles:
    """The files of one generation. `taken` has those that came with the response, or why they are lost, in order."""

    context: Context
    provider: ImageProvider
    model: str
    taken: list[StoredFile | ElectronsError] = field(default_factory=list)

    async def add(self, content: bytes | None) -> None:
        """Store a file that came with the response, None for one that is not valid base64. Raises nothing."""
        try:
            if content is None:
                raise lost_image(self.provider, INVALID_BASE64)
            if len(content) > self._max_bytes:
                raise too_large_image(self.provider, self._max_bytes)
            self.taken.append(await self._store(content))
        except ElectronsError as error:
            self.taken.append(error)

    async def store_image(self, image: GeneratedImage) -> StoredFile:
        """Return the stored file of an image. Raises `ProviderError` if it is lost, `UnavailableError` if R2 fails."""
        if image.file_number is not None:
            outcome = self.taken[image.file_number]
            if isinstance(outcome, ElectronsError):
                raise outcome
            return outcome
        if image.withheld:
            raise ProviderRejectedError(
                f"{self.provider.title} withheld it, because it failed the safety check", provider=self.provider.name
            )
        return await self._store(await read_image(self.context, self.provider, image, max_bytes=self._max_bytes))

    @property
    def _max_bytes(self) -> int:
        return self.context.settings_as(ImageSettings).max_image_bytes

    async def _store(self, content: bytes) -> StoredFile:
        try:
            image_format = read_image_format(content)
        except ValueError as error:
            message = f"{self.provider.title}'s file is not an image: {error}"
            raise ProviderError(message, provider=self.provider.name) from error
        name = new_name(image_format.name)
        await IMAGES.put_bytes(
            self.context,
            name,
            content,
            content_type=CONTENT_TYPES[image_format.name],
            provider=self.provider.name,
            model=self.model,
        )
        return StoredFile(IMAGES.url(self.context, name), image_format, len(content))
