"""Deployed Workers: `POST /deploy`, `GET` and `DELETE /deploy/{name}`, `POST /deploy/{name}/rollback`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from electrons.models import LabeledRequest, ResponseModel
from sandbox_executor.names import find_path_problem, find_worker_name_problem

SIZE_LIMIT = 6 * 1024 * 1024
"""Bytes of all files together. Cloudflare counts them compressed: 3 MB on the free plan, 10 MB on the paid one."""

FILES_LIMIT = 1000

DEFAULT_COMPATIBILITY_DATE = "2026-10-01"
"""For a deployment that names none: the date of this platform's own workers."""

PYTHON_FLAG = "python_workers"

MODULE_TYPES: Mapping[str, str] = {
    ".js": "application/javascript+module",
    ".mjs": "application/javascript+module",
    ".py": "text/x-python",
    **dict.fromkeys((".css", ".csv", ".html", ".json", ".md", ".sql", ".svg", ".txt", ".xml"), "text/plain"),
}
"""Content types of a Worker's files, by the end of their names. Text is imported as a string."""

PROGRAM_TYPES = (".js", ".mjs", ".py")
"""What the main module can be."""

DeploymentStatus = Literal["pending", "deployed", "unconfirmed", "replaced", "rolled_back", "deleted", "failed"]
"""`unconfirmed`: it was interrupted, its response was lost, or it could not be undone, so that only Cloudflare knows.
`replaced` and `rolled_back`: another version took its place, a newer one or the one before."""

CurrentStatus = Literal["pending", "deployed", "unconfirmed", "changed", "missing"]
"""What is there now. `changed`: another version was put live elsewhere; `missing`: it was deleted there."""

DeploymentAction = Literal["deploy", "rollback", "delete"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def _problem(text: str) -> PydanticCustomError:
    return PydanticCustomError("deploy", "{problem}", {"problem": text})


def module_type(path: str) -> str | None:
    """Return the content type of a file as a module, None if it cannot be one."""
    if path.startswith("python_modules/"):
        return "application/octet-stream"  # as wrangler uploads vendored files
    return next((kind for ending, kind in MODULE_TYPES.items() if path.lower().endswith(ending)), None)


def find_module_problem(path: str) -> str | None:
    """Return what is wrong with a file of a Worker; its path must also be possible in a repository."""
    if problem := find_path_problem(path):
        return problem
    if path.lower().endswith(".wasm"):
        return "is binary, but files are text here: WebAssembly cannot be deployed this way"
    if module_type(path) is None:
        return f"must end in one of {', '.join(MODULE_TYPES)}"
    return None


def _check_worker_name(value: str) -> str:
    if problem := find_worker_name_problem(value):
        raise _problem(problem)
    return value


def _check_path(value: str) -> str:
    if problem := find_module_problem(value):
        raise _problem(problem)
    return value


def _check_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise _problem("must be letters, digits and _, 128 at most, and must not begin with a digit")
    return value


def _check_date(value: str) -> str:
    try:
        valid = date.fromisoformat(value).isoformat() == value
    except ValueError:
        valid = False
    if not valid:
        raise _problem("must be a date like 2026-10-01")
    return value


WorkerName = Annotated[str, AfterValidator(_check_worker_name)]
_ModulePath = Annotated[str, AfterValidator(_check_path)]
_Texts = dict[Annotated[str, AfterValidator(_check_name)], str]


class DeployRequest(LabeledRequest):
    """A Worker: one module as `code`, or many as `files`, by path.

    `main` may be left out with a single file, and with `code`, which then is `entry.py` if `compatibility_flags` has
    `python_workers`, and `index.js` otherwise. Secrets of earlier deployments of this name are kept unless
    they are given again; `env_vars` that are not given are gone. No `repr` shows the content.
    """

    worker_name: WorkerName
    compatibility_date: Annotated[str, AfterValidator(_check_date)] = DEFAULT_COMPATIBILITY_DATE
    compatibility_flags: list[Annotated[str, Field(pattern=r"^[a-z0-9_:.-]{1,100}$")]] = Field(
        default_factory=list, max_length=100
    )
    code: str | None = Field(default=None, min_length=1, repr=False)
    files: dict[_ModulePath, str] | None = Field(
        default=None, min_length=1, max_length=FILES_LIMIT, repr=False, validate_default=True
    )
    main: str | None = Field(default=None, validate_default=True)
    env_vars: _Texts = Field(default_factory=dict, max_length=128, repr=False)
    secrets: _Texts = Field(default_factory=dict, max_length=128, repr=False)
    workers_dev: bool = True

    @field_validator("files")
    @classmethod
    def _one_of_two(cls, value: dict[str, str] | None, info: ValidationInfo) -> dict[str, str] | None:
        if "code" in info.data:
            code: str | None = info.data["code"]
            if code is None and value is None:
                raise _problem("Code or files is required")
            if code is not None and value is not None:
                raise _problem("must not be given together with code")
            if sum(len(text.encode()) for text in [code or "", *(value or {}).values()]) > SIZE_LIMIT:
                raise _problem(f"all modules together must not have more than {SIZE_LIMIT} bytes")
        return value

    @field_validator("main")
    @classmethod
    def _choose_main(cls, value: str | None, info: ValidationInfo) -> str | None:
        if not {"code", "files", "compatibility_flags"} <= info.data.keys():
            return value
        files: dict[str, str] | None = info.data["files"]
        if value is None and files is None:
            return "entry.py" if PYTHON_FLAG in info.data["compatibility_flags"] else "index.js"
        if value is None and files is not None and len(files) > 1:
            raise _problem("Main is required")
        main = value or next(iter(files or {}), "")
        if files is not None and main not in files:
            raise _problem("must be one of files")
        if problem := find_module_problem(main):
            raise _problem(problem)
        if not main.lower().endswith(PROGRAM_TYPES):
            raise _problem(f"must end in one of {', '.join(PROGRAM_TYPES)}")
        if "/" in main and main.lower().endswith(".py"):
            raise _problem("must not be in a folder: a Python Worker's imports start where its main module is")
        return main

    @field_validator("secrets")
    @classmethod
    def _no_name_twice(cls, value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        if twice := sorted(value.keys() & info.data.get("env_vars", {}).keys()):
            raise _problem(f"must not have names of env_vars: {', '.join(twice)}")
        return value

    @property
    def modules(self) -> dict[str, str]:
        """Return all modules by path."""
        return self.files if self.files is not None else {self.main or "": self.code or ""}

    @property
    def is_python(self) -> bool:
        """Return whether the main module is Python."""
        return (self.main or "").lower().endswith(".py")


class Deployment(BaseModel):
    """What is live now. `url` is present if workers.dev serves it.

    `worker_id` and `version` are Cloudflare's; `previous_version` is the one that a rollback would make live.
    """

    success: Literal[True] = True
    url: str | None = None
    worker_id: str
    version: str
    deployed_at: str
    worker_name: str
    previous_version: str | None = None
    startup_time_ms: int | None = None


class DeployResponse(ResponseModel):
    """`POST /deploy` and `POST /deploy/{name}/rollback`."""

    deployment: Deployment


class DeploymentRecord(BaseModel):
    """One change of a Worker, or an attempt at one. Times are ISO 8601."""

    action: DeploymentAction
    status: DeploymentStatus
    created_at: str
    request_id: str
    version: str | None = None
    error_code: str | None = None


class DeploymentState(ResponseModel):
    """`GET /deploy/{name}`. `version` is what Cloudflare says is live; `history` has the latest first."""

    worker_name: str
    status: CurrentStatus
    url: str | None = None
    version: str | None = None
    deployment: Deployment | None = None
    secrets: list[str]
    history: list[DeploymentRecord]


class RemovalResponse(ResponseModel):
    """`DELETE /deploy/{name}`: the Worker is gone, with its versions and secrets."""

    worker_name: str
    deleted: Literal[True] = True
