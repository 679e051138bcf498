"""The files of an execution, and the secrets in them that neither the model nor code on trial may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from electrons.bindings import LoadedRequest, LoadedResponse
from electrons.context import Context
from electrons.logs import redact_tokens
from electrons.testing import TestClient, create_memory_bindings
from sandbox_executor.modules import collect_modules
from sandbox_executor.routes import app
from sandbox_executor.workspace import ToolError, Workspace
from sandbox_executor.workspace_trials import check_workspace, run_worker

TOKEN = "ghp_" + "a1B2c3D4e5" * 4
WORKER = "export default { fetch() { return new Response('x') } };\n"


@dataclass(frozen=True)
class Files:
    """A source with these files."""

    contents: Mapping[str, str]
    links: frozenset[str] = frozenset()
    truncated: bool = False

    @property
    def files(self) -> Mapping[str, int]:
        """See `Source.files`."""
        return {path: len(text) for path, text in self.contents.items()}

    async def read(self, path: str) -> bytes:
        """See `Source.read`."""
        return self.contents[path].encode()


def workspace_of(contents: Mapping[str, str]) -> Workspace:
    return Workspace(Files(contents), paths=None, allow_workflows=False, mask=redact_tokens)


@dataclass
class RecordingLoader:
    """A loader that keeps the code that it is given, and answers every request."""

    codes: list[Mapping[str, Any]] = field(default_factory=list)

    async def load(self, code: Mapping[str, Any]) -> RecordingLoader:
        """See `Loader.load`."""
        self.codes.append(code)
        return self

    async def fetch(self, request: LoadedRequest, *, max_body_bytes: int) -> LoadedResponse:
        """See `LoadedWorker.fetch`."""
        return LoadedResponse(status=200, headers=[], body=b"", truncated=False)

    def close(self) -> None:
        """See `LoadedWorker.close`."""


def context_with(loader: RecordingLoader) -> Context:
    bindings = replace(create_memory_bindings(), LOADER=loader)
    return TestClient(app, bindings=bindings).create_context("POST", "/execute")


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "prod.env",
        "config/Staging.ENV",
        ".env.local",
        "secrets.yaml",
        "config/secrets.json",
        "terraform.tfvars",
        "infra/prod.auto.tfvars",
        "prod.tfvars.json",
        "service-account.json",
        "keys/service-account-prod.json",
        "service_account.json",
        ".dev.vars",
        "id_rsa",
        "server.pem",
        "credentials.json",
    ],
)
async def test_file_that_holds_secrets_is_not_part_of_the_workspace(path: str) -> None:
    workspace = workspace_of({path: "x", "src/index.js": WORKER})

    assert workspace.paths == ["src/index.js"]
    with pytest.raises(ToolError, match="There is no file"):
        await workspace.read(path)
    with pytest.raises(ToolError, match="is a place for secrets"):
        await workspace.write(path, "y")


@pytest.mark.parametrize(
    "path", [".env.example", "environment.py", "src/secrets/list.js", "tfvars.md", "account.json", "service.json"]
)
async def test_file_that_only_looks_like_one_of_secrets_is_shown(path: str) -> None:
    assert await workspace_of({path: "x"}).read(path) == "x"


@pytest.mark.parametrize("old", ['"ghp_', "ghp_", TOKEN[-8:], TOKEN[4:24], TOKEN[:-1], "1"])
async def test_part_of_a_secret_is_not_found_by_an_edit(old: str) -> None:
    workspace = workspace_of({"a.js": f'const key = "{TOKEN}";\nrun(key);\n'})

    with pytest.raises(ToolError, match="`old` was not found"):
        await workspace.edit("a.js", old, "")

    assert workspace.changed == {}


@pytest.mark.parametrize(("old", "new"), [('key = "', 'key = "A'), ('key = "', 'key = "_')])
async def test_edit_that_would_lay_a_secret_open_is_refused(old: str, new: str) -> None:
    workspace = workspace_of({"a.js": f'const key = "{TOKEN}";\nrun(key);\n'})

    with pytest.raises(ToolError, match=r"shown as `\*\*\*`"):
        await workspace.edit("a.js", old, new)

    assert workspace.changed == {}


@pytest.mark.parametrize(("old", "new"), [("run(key)", "log(key)"), ("const key", "const apiKey"), (TOKEN, "none")])
async def test_edit_beside_a_secret_keeps_it(old: str, new: str) -> None:
    text = f'const key = "{TOKEN}";\nrun(key);\n'
    workspace = workspace_of({"a.js": text})

    await workspace.edit("a.js", old, new)

    assert workspace.changed == {"a.js": text.replace(old, new)}


async def test_trial_gets_sources_with_masked_secrets() -> None:
    loader = RecordingLoader()
    workspace = workspace_of(
        {
            "src/index.js": f"import {{ key }} from './key.js';\nimport text from './text.json';\n{WORKER}",
            "src/key.js": f'export const key = "{TOKEN}";\n',
            "src/text.json": f'{{"key": "{TOKEN}"}}',
        }
    )
    await workspace.edit("src/index.js", "'x'", "[...key].join(' ')")

    context = context_with(loader)
    assert (await check_workspace(context, workspace)).passed
    assert (await run_worker(context, workspace, main=None, requests=[])).passed

    assert TOKEN not in str(loader.codes)
    assert 'key = "***"' in str(loader.codes)
    deployed = await collect_modules(workspace, "src/index.js")
    assert TOKEN in deployed.modules["src/key.js"]


async def test_check_of_a_changed_file_gets_it_masked() -> None:
    loader = RecordingLoader()
    workspace = workspace_of({"key.js": f'export const key = "{TOKEN}";\n'})
    await workspace.edit("key.js", "export", "/* the key */ export")

    await check_workspace(context_with(loader), workspace)

    assert len(loader.codes) == 1
    assert TOKEN not in str(loader.codes)
