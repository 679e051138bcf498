"""The clients of other projects, what each of them is tested with, and the runs of their cases."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from setup import NODE, ROOT
from tests.foreign.environments import NODE_MODULES, SOURCES, python_of, variables_for

CASES = SOURCES / "cases"
PAGES = ROOT / "docs" / "clients"
TIMEOUT_SECONDS = 240

_CASE = re.compile(r"^(?:async )?def (check_\w+)|^export (?:async )?function (\w+)", re.MULTILINE)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Client:
    """A client: its name, which its page and its file of cases have, and the environment where it is installed.

    `anthropic_path` is what its base URL for Anthropic has behind the host.
    """

    name: str
    environment: str
    anthropic_path: str = ""

    @property
    def file(self) -> Path:
        """The file of its cases."""
        suffix = ".mjs" if self.environment == "npm" else ".py"
        return CASES / f"{self.name.replace('-', '_')}{suffix}"

    @property
    def page(self) -> Path:
        """Its page in the documentation."""
        return PAGES / f"{self.name}.md"

    def list_cases(self) -> list[str]:
        """Return the names of its cases."""
        return [python or javascript for python, javascript in _CASE.findall(self.file.read_text(encoding="utf-8"))]

    def list_blocks(self) -> list[tuple[str, str]]:
        """Return the language and the text of each code block of its page."""
        return [(found[1], found[2]) for found in _BLOCK.finditer(self.page.read_text(encoding="utf-8"))]

    def run_cases(self, folder: Path, variables: Mapping[str, str]) -> dict[str, str | None]:
        """Run all cases in one process; return what went wrong in each. `folder` is for what the process writes."""
        results = folder / "results"
        file = self._place(self.file.read_text(encoding="utf-8"), folder=folder)
        runner = "run_cases.mjs" if self.environment == "npm" else "run_cases.py"
        try:
            output = self._run([*self._command(runner, folder), str(file), str(results)], folder, variables)
            missing = f"it did not run:\n{output.stdout[-3000:]}\n{output.stderr[-3000:]}"
        except subprocess.TimeoutExpired:
            missing = f"it did not end within {TIMEOUT_SECONDS} s"
        lines = results.read_text().splitlines() if results.exists() else []
        found = {line["case"]: line["problem"] for line in map(json.loads, lines)}
        return {name: found.get(name, missing) for name in self.list_cases()}

    def run_block(self, number: int, folder: Path, variables: Mapping[str, str]) -> str:
        """Run a code block of the page as a user does; return what it prints. It fails where the block fails."""
        language, text = self.list_blocks()[number]
        if language == "sh":
            command = ["bash", "-euo", "pipefail", "-c", text]
        elif language == "js":
            command = [str(NODE), str(self._place(text, folder=folder))]
        else:
            command = [str(python_of(self.environment)), "-c", text]
        output = self._run(command, folder, variables)
        assert output.returncode == 0, f"{text}\n{output.stdout[-2000:]}\n{output.stderr[-4000:]}"
        return output.stdout

    def _place(self, text: str, *, folder: Path) -> Path:
        """Write a script where node finds the packages: beside a `node_modules/`. Python finds its own everywhere."""
        if self.environment != "npm":
            return self.file
        links = {"node_modules": NODE_MODULES, "gateway.mjs": None, "run_cases.mjs": None}
        for name, target in links.items():
            path = folder / name
            if target is None:
                path.write_bytes((SOURCES / name).read_bytes())
            elif not path.exists():
                path.symlink_to(target)
        script = folder / "script.mjs"
        script.write_text(text, encoding="utf-8")
        return script

    def _command(self, runner: str, folder: Path) -> list[str]:
        if self.environment == "npm":
            return [str(NODE), str(folder / runner)]
        return [str(python_of(self.environment)), str(SOURCES / runner)]

    def _run(
        self, command: Sequence[str], folder: Path, variables: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        anthropic_url = variables["GATEWAY_URL"] + self.anthropic_path
        environment = {
            **variables_for(self.environment),
            **variables,
            "HOME": str(folder),
            "ANTHROPIC_BASE_URL": anthropic_url,
        }
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
            stdin=subprocess.DEVNULL,
        )


CLIENTS = (
    Client("openai-python", "newest"),
    Client("anthropic-python", "newest"),
    Client("langchain", "newest"),
    Client("pydantic-ai", "newest"),
    Client("openai-js", "npm"),
    Client("anthropic-js", "npm"),
    Client("ai-sdk", "npm", anthropic_path="/v1"),
    Client("llm", "earlier"),
    Client("instructor", "earlier"),
    Client("litellm", "earlier"),
    Client("any-llm", "earlier"),
)


def describe_gateway(urls: Mapping[str, str], *, emulators: str, key: str, spent_key: str) -> dict[str, str]:
    """Return the variables from which the clients, and the cases, learn the gateway's addresses and keys."""
    text, audio, images = urls["text-gen-with-keys-required"], urls["audio-gen"], urls["image-gen"]
    return {
        "OPENAI_BASE_URL": f"{text}/v1",
        "OPENAI_API_KEY": key,
        "ANTHROPIC_API_KEY": key,
        "AUDIO_BASE_URL": f"{audio}/v1",
        "IMAGE_BASE_URL": f"{images}/v1",
        "GATEWAY_URL": text,
        "GATEWAY_SPENT_KEY": spent_key,
        "EMULATORS_URL": emulators,
        # What is not on this machine is not reached.
        "NO_PROXY": "127.0.0.1",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "PYTHONPATH": os.pathsep.join([str(SOURCES)]),
    }
