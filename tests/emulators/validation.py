"""What is wrong with a request, in one line: the errors of pydantic as the vendors word them."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails


def deepest_error(failure: ValidationError) -> ErrorDetails:
    """Return the error with the longest path: of a union's branches, it belongs to the one that was intended."""
    return max(failure.errors(include_url=False), key=lambda found: len(found["loc"]))


def describe_first_error(failure: ValidationError, *path: str) -> str:
    """Return the first error as `path.to.field: message`; `path` is where the validated value is."""
    detail = failure.errors(include_url=False)[0]
    place = ".".join(map(str, (*path, *detail["loc"])))
    message = detail["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
