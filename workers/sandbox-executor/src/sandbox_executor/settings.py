"""The settings of this worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from electrons.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings(Settings):
    """The shared settings and those of sandbox-executor."""

    # What it may use, and the address of a deployed Worker
    allowed_repositories: str = ""
    allowed_worker_prefixes: str = ""
    allow_workflow_files: Literal["true", "false"] = "false"
    workers_dev_url: str = "https://{name}.{subdomain}.workers.dev"

    # The limits of an execution
    default_code_model: str = "anthropic:claude-sonnet-4-6"
    execute_max_turns: int = 24
    execute_max_tokens: int = 400_000
    execute_max_seconds: float = 600.0
    execute_max_cost_usd: float = 2.0
    execute_max_repairs: int = 3
