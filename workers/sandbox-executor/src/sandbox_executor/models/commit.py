"""Commits: `POST /github/commit`."""

from __future__ import annotations

import base64
from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from electrons.models import LabeledRequest, RequestModel, ResponseModel
from electrons.providers.github.repositories import list_folders
from sandbox_executor.names import find_branch_problem, find_path_problem, find_repository_problem

FILES_LIMIT = 500
"""Files of one commit."""

SIZE_LIMIT = 4 * 1024 * 1024
"""Bytes of all files of one commit, decoded."""

MESSAGE_LIMIT = 20_000
"""Characters of a commit's message; of a pull request's text, three times that."""


def _require_repository(value: Any) -> Any:
    if not isinstance(value, str) or find_repository_problem(value):
        raise PydanticCustomError("repository", "repo must be in owner/repo format")
    return value


def _require_files(value: Any) -> Any:
    if not isinstance(value, list) or not value:
        raise PydanticCustomError("files", "files array is required")
    return value


def _require_message(value: Any) -> Any:
    if not isinstance(value, str) or not value.strip():
        raise PydanticCustomError("message", "message is required")
    return value


def _check_message(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("message", "must not contain the character NUL")
    return value


def _check_branch(value: str) -> str:
    if problem := find_branch_problem(value):
        raise PydanticCustomError("branch", "{problem}", {"problem": problem})
    return value


def _check_path(value: str) -> str:
    if problem := find_path_problem(value):
        raise PydanticCustomError("path", "{problem}", {"problem": problem})
    return value


Repository = Annotated[str, BeforeValidator(_require_repository)]
Branch = Annotated[str, AfterValidator(_check_branch)]
PullRequestTitle = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)]
PullRequestBody = Annotated[str, StringConstraints(max_length=3 * MESSAGE_LIMIT)]


def check_base_branch(value: str | None, info: ValidationInfo) -> str | None:
    """Return the base of a new branch or a pull request. Raises `PydanticCustomError` if it is the branch itself."""
    used = info.data.get("create_branch") or info.data.get("create_pr")
    if used and value is not None and value == info.data.get("branch"):
        raise PydanticCustomError("branch", "must be another branch than `branch`")
    return value


class CommitFile(RequestModel):
    """A file as it should be, or with the content None, one to delete.

    Base64 is the standard alphabet with its padding (RFC 4648, 4); line breaks in it do not matter. `executable` is
    None to leave that as it is; a new file is not.
    """

    path: Annotated[str, AfterValidator(_check_path)]
    encoding: Literal["utf-8", "base64"] = "utf-8"
    content: str | None
    executable: bool | None = None

    @field_validator("content")
    @classmethod
    def _check_content(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("encoding") == "base64":
            try:
                _decode(value)
            except ValueError:
                raise PydanticCustomError("base64", "must be base64") from None
        return value

    @property
    def data(self) -> bytes | None:
        """Return the content's bytes, None for a file to delete."""
        if self.content is None:
            return None
        return _decode(self.content) if self.encoding == "base64" else self.content.encode()


class CommitRequest(LabeledRequest):
    """One commit of any number of files to a branch, possibly a new one, possibly with a pull request.

    A new branch begins at `base_branch`, and a pull request asks to be merged into it: the repository's default branch
    if it is None.
    """

    repo: Repository = Field(default="", validate_default=True)
    branch: Branch = "main"
    files: Annotated[list[CommitFile], Field(max_length=FILES_LIMIT), BeforeValidator(_require_files)] = Field(
        default_factory=list, validate_default=True
    )
    message: Annotated[
        str, Field(max_length=MESSAGE_LIMIT), AfterValidator(_check_message), BeforeValidator(_require_message)
    ] = Field(default="", validate_default=True)
    create_branch: bool = False
    create_pr: bool = False
    base_branch: Branch | None = None
    pr_title: PullRequestTitle | None = None
    pr_body: PullRequestBody | None = None

    @field_validator("files")
    @classmethod
    def _check_files(cls, files: list[CommitFile]) -> list[CommitFile]:
        paths = Counter(file.path for file in files)
        for path, count in paths.items():
            if count > 1:
                raise PydanticCustomError("twice", "`{path}` is listed twice", {"path": path})
            for folder in list_folders(path):
                if folder in paths:
                    raise PydanticCustomError("twice", "`{path}` is listed as a file and as a folder", {"path": folder})
        if sum(len(file.data or b"") for file in files) > SIZE_LIMIT:
            raise PydanticCustomError("size", "have more than {limit} bytes in all", {"limit": SIZE_LIMIT})
        return files

    @field_validator("base_branch")
    @classmethod
    def _check_base(cls, value: str | None, info: ValidationInfo) -> str | None:
        return check_base_branch(value, info)


class PullRequestError(BaseModel):
    """Why there is no pull request. `status` is GitHub's, absent if there was no response."""

    status: int | None = None
    error: str
    error_code: str


class Commit(BaseModel):
    """A commit on a branch. `pr_error` says why there is no pull request, if one was requested."""

    success: Literal[True] = True
    sha: str
    url: str
    branch: str
    pr_url: str | None = None
    pr_error: PullRequestError | None = None


class CommitResponse(ResponseModel):
    """The response of `POST /github/commit`."""

    commit: Commit


def _decode(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)
