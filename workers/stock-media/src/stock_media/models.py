"""The request and the response of `POST /search/videos`, `POST /search/photos` and `POST /search`."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from electrons.capabilities.stock import Orientation
from electrons.models import LabeledRequest, RequestModel, ResponseModel

Size = Literal["large", "medium", "small"]

PIXEL_LIMIT = 100_000
DAY_SECONDS = 24 * 60 * 60


class StockOptions(RequestModel):
    """Paging, and the bounds that every result is within. Zero is a value.

    Durations are in seconds and apply to videos only; sizes are in pixels of the file behind `url`.
    """

    per_page: int | None = Field(default=None, ge=1, le=80)
    page: int = Field(default=1, ge=1, le=100_000)
    min_duration: float | None = Field(default=None, ge=0, le=DAY_SECONDS)
    max_duration: float | None = Field(default=None, ge=0, le=DAY_SECONDS)
    min_width: int | None = Field(default=None, ge=0, le=PIXEL_LIMIT)
    min_height: int | None = Field(default=None, ge=0, le=PIXEL_LIMIT)

    @field_validator("max_duration")
    @classmethod
    def _check_order(cls, value: float | None, info: ValidationInfo) -> float | None:
        shortest = info.data.get("min_duration")
        if value is not None and shortest is not None and value < shortest:
            raise PydanticCustomError("order", "Must not be less than min_duration")
        return value


class StockRequest(LabeledRequest):
    """What to search for: keywords are joined by spaces, those without a visible character are left out."""

    keywords: list[Annotated[str, StringConstraints(max_length=200)]] = Field(
        default_factory=list, max_length=32, validate_default=True
    )
    orientation: Orientation | None = None
    size: Size | None = None
    options: StockOptions = Field(default_factory=StockOptions)

    @field_validator("keywords", mode="before")
    @classmethod
    def _require_keywords(cls, value: object) -> object:
        words = [value] if isinstance(value, str) else value
        if not words or (isinstance(words, list) and all(isinstance(x, str) and not x.strip() for x in words)):
            raise PydanticCustomError("blank", "Keywords are required")
        return value

    @property
    def query(self) -> str:
        """Return the keywords as one string, with single spaces."""
        return " ".join(" ".join(self.keywords).split())


class StockItem(BaseModel):
    """One video or photo; `url` is its best file within the bounds, `width` and `height` are that file's.

    `duration` is in seconds, for videos only. Wherever it is shown, `photographer` must be named with the links.
    """

    id: str
    type: Literal["video", "image"]
    url: str
    preview_url: str
    duration: float | None = None
    width: int
    height: int
    provider: str
    photographer: str
    photographer_url: str
    page_url: str


class StockMetadata(BaseModel):
    """How the results were found. `cached` means that the provider was not called.

    `warnings` says if results were left out, or if the search ended before all of them were read.
    """

    provider: str
    query: str
    search_time_ms: int
    cached: bool
    warnings: list[str] | None = None


class StockResponse(ResponseModel):
    """One page. `total_results` is the provider's, before the bounds; on `/search`, `per_page` counts per kind."""

    media: list[StockItem]
    total_results: int
    page: int
    per_page: int
    metadata: StockMetadata
