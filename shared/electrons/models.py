"""What all requests and all answers share."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, PrivateAttr, StringConstraints
from pydantic_core import PydanticCustomError

LABEL_LIMIT = 256
"""Characters of a label."""

Label = Annotated[str, StringConstraints(max_length=LABEL_LIMIT)]


class RequestModel(BaseModel):
    """Base of what callers send. Types are not coerced (`"5"` is no number); unknown members are ignored."""

    model_config = ConfigDict(strict=True)


class LabeledRequest(RequestModel):
    """A request with the caller's own labels, which are recorded with usage and used for nothing else."""

    instance_id: Label | None = None
    project_id: Label | None = None


class ResponseModel(BaseModel):
    """Base of every success body; the app fills `request_id` and `timestamp` (ISO 8601, UTC, milliseconds).

    `status_code` is the HTTP status with which it is sent.
    """

    success: Literal[True] = True
    request_id: str = ""
    timestamp: str = ""
    _status_code: int = PrivateAttr(default=200)

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        return self._status_code

    def with_status(self, status_code: int) -> Self:
        """Set the HTTP status and return the same body."""
        self._status_code = status_code
        return self


def not_blank(message: str) -> AfterValidator:
    """A validator that refuses text without a visible character, with the text of `message`."""

    def check(value: str) -> str:
        if not value.strip():
            raise PydanticCustomError("blank", "{reason}", {"reason": message})
        return value

    return AfterValidator(check)
