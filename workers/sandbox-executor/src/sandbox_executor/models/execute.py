"""Code that a model writes: `POST /execute`, `POST /execute/stream` and `GET /execute/{execution_id}`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import AliasChoices, BaseModel, Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from electrons.models import LabeledRequest, RequestModel, ResponseModel, not_blank
from sandbox_executor.models.commit import (
    Branch,
    Commit,
    PullRequestBody,
    PullRequestTitle,
    Repository,
    check_base_branch,
)
from sandbox_executor.models.deploy import Deployment, WorkerName

TASK_LIMIT = 100_000
"""Characters of a task; of its context, four times that."""

TrialMethod = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

EndedBy = Literal[
    "finished",
    "answered",
    "max_turns",
    "max_tokens",
    "max_seconds",
    "max_cost",
    "max_repairs",
    "refusal",
    "context_window",
    "failure",
    "cancelled",
]
"""`finished`: the model said so, and what it wrote passed its trial. `answered`: it answered with text and changed no
file. The others name the limit, or the reason, that ended it before: `failure` is the provider's or the platform's, and
`cancelled` means that the caller has left."""

COMPLETE = frozenset(get_args(EndedBy)[:2])


_HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
_HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\t\x20-\x7e\u0080-\u00ff]{0,4000}$")]


class TrialRequestModel(RequestModel):
    """A request that is sent to the Worker on trial. `path` starts with a slash and may have a query.

    What cannot be sent is refused here: it would count as a failure of the Worker.
    """

    method: TrialMethod = "GET"
    path: str = Field(default="/", max_length=2000, pattern=r"^/[^\x00-\x20\x7f#]*$")
    headers: dict[_HeaderName, _HeaderValue] = Field(default_factory=dict, max_length=32)
    body: str | None = Field(default=None, max_length=100_000)

    @field_validator("body")
    @classmethod
    def _refuse_body_without_place(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("method") in {"GET", "HEAD"}:
            raise PydanticCustomError("body", "cannot be sent with {method}", {"method": info.data["method"]})
        return value


class ExecuteOptions(RequestModel):
    """`max_tokens` is what the model may write in one turn; `model` as in text-gen, of a provider that takes tools."""

    max_tokens: int = Field(default=8192, ge=256, le=128_000)
    temperature: float | None = Field(default=None, ge=0, le=1)
    model: str | None = Field(default=None, min_length=1, max_length=256)


class ExecuteRequest(LabeledRequest):
    """What to write, from which files, and what to do with the result.

    `paths` are the files and folders of the repository, or patterns of them (`src/*.py`), that the model may read; all
    of them if it is None. `requests` are sent to the Worker on trial, besides the model's own. `create_branch` and the
    fields after it are those of a `CommitRequest`.
    """

    task: Annotated[str, Field(max_length=TASK_LIMIT), not_blank("Task is required")]
    context: str | None = Field(default=None, max_length=4 * TASK_LIMIT)
    repo: Repository | None = Field(default=None, validation_alias=AliasChoices("repo", "github_repo"))
    branch: Branch = "main"
    paths: list[Annotated[str, StringConstraints(min_length=1, max_length=1024)]] | None = Field(
        default=None, max_length=100
    )
    commit: bool = Field(default=False, validation_alias=AliasChoices("commit", "auto_commit"))
    commit_message: (
        Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00]*$"), not_blank("Commit message is required")] | None
    ) = Field(default=None, validation_alias=AliasChoices("commit_message", "commitMessage"))
    create_branch: bool = False
    create_pr: bool = False
    base_branch: Branch | None = None
    pr_title: PullRequestTitle | None = None
    pr_body: PullRequestBody | None = None
    auto_deploy: bool = False
    worker_name: WorkerName | None = Field(default=None, validate_default=True)
    requests: list[TrialRequestModel] = Field(default_factory=list, max_length=10)
    options: ExecuteOptions = Field(default_factory=ExecuteOptions)

    @field_validator("commit")
    @classmethod
    def _require_repository(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("repo", "") is None:
            raise PydanticCustomError("commit", "needs a `repo`")
        return value

    @field_validator("create_branch", "create_pr")
    @classmethod
    def _require_commit(cls, value: bool, info: ValidationInfo) -> bool:
        if value and not info.data.get("commit", True):
            raise PydanticCustomError("commit", "needs `commit`")
        return value

    @field_validator("base_branch")
    @classmethod
    def _check_base(cls, value: str | None, info: ValidationInfo) -> str | None:
        return check_base_branch(value, info)

    @field_validator("worker_name")
    @classmethod
    def _require_worker_name(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("auto_deploy"):
            raise PydanticCustomError("worker_name", "is needed for `auto_deploy`")
        return value


class ExecutedFile(BaseModel):
    """A file that was written or changed, whole. `type` is the language or format that its name says (`javascript`)."""

    path: str
    content: str
    type: str


class Step(BaseModel):
    """One use of a tool by the model, and its result; long texts are cut."""

    turn: int
    tool: str
    target: str | None = None
    ok: bool
    output: str


class TrialAnswerModel(BaseModel):
    """The response of the Worker on trial to a request, or `error` if its code failed.

    `truncated` is true for a body that is longer than what is shown of it.
    """

    method: str
    path: str
    status: int | None = None
    headers: dict[str, str] | None = None
    body: str | None = None
    truncated: bool | None = None
    error: str | None = None


class Trial(BaseModel):
    """The last trial of what was written.

    `problems` are those of single files, `error` is that of the Worker's start. `not_run` says why nothing was run, if
    so, and `unchecked` lists the files that cannot be checked here.
    """

    passed: bool
    main: str | None = None
    error: str | None = None
    not_run: str | None = None
    answers: list[TrialAnswerModel] = Field(default_factory=list)
    problems: list[str] = Field(default_factory=list)
    unchecked: list[str] = Field(default_factory=list)


class ExecutionMetadata(BaseModel):
    """How the result was made. `input_tokens` includes those that were read from the provider's cache."""

    tokens_used: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    execution_time_ms: int = 0
    model: str = ""
    turns: int = 0
    repairs: int = 0
    estimated_cost_usd: float | None = None
    ended_by: EndedBy | None = None
    complete: bool = False
    warnings: list[str] | None = None


class ExecutionResult(BaseModel):
    """What exists: the final text, the changed files, and the steps towards them."""

    output: str = ""
    files: list[ExecutedFile] = Field(default_factory=list)
    deleted_files: list[str] = Field(default_factory=list)
    steps: list[Step] = Field(default_factory=list)
    trial: Trial | None = None
    metadata: ExecutionMetadata = Field(default_factory=ExecutionMetadata)


class FailedAction(BaseModel):
    """A deployment or a commit that was requested and was not made."""

    success: Literal[False] = False
    error: str
    error_code: str


class ExecuteResponse(ResponseModel):
    """The result, and what was done with it. A limit that ends the work is no error: `metadata.complete` is false."""

    execution_id: str
    result: ExecutionResult
    deployment: Deployment | FailedAction | None = None
    commit: Commit | FailedAction | None = None

    def to_document(self, warnings: list[str]) -> dict[str, Any]:
        """Return the base's document; the warnings are in `result.metadata.warnings`."""
        document = super().to_document([])
        if warnings:
            metadata = document["result"]["metadata"]
            metadata["warnings"] = [*metadata.get("warnings", []), *warnings]
        return document


class ExecutionState(ExecuteResponse):
    """An execution as stored. `status` is `running`, `succeeded`, `failed` or `cancelled` (the caller left)."""

    status: str
    created_at: str
    updated_at: str
    error: str | None = None
    error_code: str | None = None
