"""What all request models and all response models share.

A request is read in one way, whatever its route (`RequestModel`):

- types are not converted: `"5"` is not a number;
- `null` and `""` for an optional field mean that it is absent, so the field has its default;
- a field that the model does not have is ignored, and `unknown_fields` names it;
- a list or an object with more items than its field allows is refused before its items are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import NoneType
from typing import Annotated, Any, Literal, Self

from annotated_types import MaxLen
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

_WITHOUT_FIELDS = (str, int, float, NoneType)

LABEL_LIMIT = 256
"""Characters of a label."""

Label = Annotated[str, StringConstraints(max_length=LABEL_LIMIT)]


class RequestModel(BaseModel):
    """Base of what callers send."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    _unknown: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, value: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(value, dict):
            return validate(value)
        rules = _field_rules(cls)
        too_long = [
            _too_long(name, limit=rule.max_items, count=count)
            for name, rule in rules.items()
            if rule.max_items is not None and (count := _count_items(value.get(name))) > rule.max_items
        ]
        if too_long:
            raise ValidationError.from_exception_data(cls.__name__, too_long, hide_input=True)
        unknown = tuple(str(name) for name in value if name not in rules)
        model = validate(
            {
                name: item
                for name, item in value.items()
                if name in rules and not (rules[name].optional and (item is None or item == ""))
            }
        )
        model._unknown = unknown  # noqa: SLF001  # an instance of this class
        return model

    def unknown_fields(self) -> Iterator[str]:
        """Iterate over the fields that were sent and ignored, by path: `options.maxTokens`."""
        yield from self._unknown
        for name, value in self.__dict__.items():
            if isinstance(value, _WITHOUT_FIELDS):
                continue
            for path, item in _nested(name, value):
                if isinstance(item, RequestModel):
                    yield from (f"{path}.{unknown}" for unknown in item.unknown_fields())


class LabeledRequest(RequestModel):
    """A request with the caller's own labels, which are recorded with usage and used for nothing else."""

    instance_id: Label | None = None
    project_id: Label | None = None


class ResponseModel(BaseModel):
    """Base of every success body; the app fills `request_id` and `timestamp` (ISO 8601, UTC, milliseconds).

    `warnings` names the request's unknown fields, unless the body has `metadata`: then they are in
    `metadata.warnings`. `status_code` is the HTTP status with which the body is sent.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    success: Literal[True] = True
    request_id: str = ""
    timestamp: str = ""
    warnings: list[str] | None = None
    _status_code: int = PrivateAttr(default=200)

    @property
    def status_code(self) -> int:
        """Return the HTTP status."""
        return self._status_code

    def with_status(self, status_code: int) -> Self:
        """Set the HTTP status and return the same body."""
        self._status_code = status_code
        return self

    def to_document(self, warnings: list[str]) -> dict[str, Any]:
        """Return the body as JSON values without absent fields, with these warnings after its own."""
        document = self.model_dump(mode="json", exclude_none=True)
        if warnings:
            holder = document.get("metadata", document)
            holder["warnings"] = [*holder.get("warnings", []), *warnings]
        return document


def not_blank(message: str) -> AfterValidator:
    """Return a validator that refuses a string without a visible character, with the text of `message`."""

    def check(value: str) -> str:
        if not value.strip():
            raise PydanticCustomError("blank", "{reason}", {"reason": message})
        return value

    return AfterValidator(check)


@dataclass(frozen=True, slots=True)
class _FieldRule:
    optional: bool
    max_items: int | None


@lru_cache(maxsize=256)
def _field_rules(model: type[RequestModel]) -> Mapping[str, _FieldRule]:
    """Return the rule of each name under which a field of the model can be sent."""
    rules: dict[str, _FieldRule] = {}
    for name, field in model.model_fields.items():
        limits = [item.max_length for item in field.metadata if isinstance(item, MaxLen)]
        rule = _FieldRule(optional=not field.is_required(), max_items=min(limits, default=None))
        alias = field.validation_alias
        names = alias.choices if isinstance(alias, AliasChoices) else [alias or name]
        rules |= {sent: rule for sent in names if isinstance(sent, str)}
    return rules


def _count_items(value: object) -> int:
    return len(value) if isinstance(value, list | dict) else 0


def _too_long(name: str, *, limit: int, count: int) -> InitErrorDetails:
    facts = {"field_type": "List", "max_length": limit, "actual_length": count}
    return InitErrorDetails(type="too_long", loc=(name,), input=None, ctx=facts)


def _nested(name: str, value: object) -> Iterator[tuple[str, object]]:
    """Iterate over a field's value, or over the items of a list or an object in it, each with its path."""
    if isinstance(value, list):
        yield from ((f"{name}.{index}", item) for index, item in enumerate(value))
    elif isinstance(value, dict):
        yield from ((f"{name}.{key}", item) for key, item in value.items())
    else:
        yield name, value
