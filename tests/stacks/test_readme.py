"""Every command and code block of README.md does what it says, in a fresh clone, with one `npm start` for all."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import local
import ports
from tests.copies import copy_repository
from tests.readme import Block, Kind, read_blocks

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

BLOCKS = read_blocks()
LAST_PORT = ports.EMULATORS - ports.BASE

PRINTED = {
    r"curl .*/generate ": ["rivers", "data: ", "audio_url", "videos", '"done"', "image", '"healthy"'],
    r"curl .*/execute ": ["workers.dev/greeter", "Ada", "diff --git"],
    r"npm run demo ": [".mp4"],
    r"npx wrangler d1 execute ": ["request_id", "gpt-4o-mini"],
}
"""Some words that the commands of a block print, by its first line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """A clone of the repository, where all ports are moved so that they are free."""

    folder: Path
    base: int

    def moved(self, text: str) -> str:
        """Return a text of the README with the ports of this clone."""
        return re.sub(r"127\.0\.0\.1:(\d{4})", lambda port: f"127.0.0.1:{int(port[1]) - ports.BASE + self.base}", text)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of every command. curl's configuration makes an HTTP error the status of the command."""
        return {**os.environ, "DE_PORT_BASE": str(self.base), "CURL_HOME": str(self.folder.parent)}

    @property
    def account(self) -> dict[str, str]:
        """The variables that name the emulated account."""
        url = f"http://127.0.0.1:{self.base + LAST_PORT}/cloudflare/client/v4"
        return {**local.EMULATED_CREDENTIALS["cloudflare"], "CLOUDFLARE_API_BASE_URL": url}

    def run(self, script: str, *, answer: str = "", more: Mapping[str, str] | None = None) -> str:
        """Run commands as a person would, to the first that fails; return what they print.

        `answer` is typed for the first question; `more` are further variables.
        """
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.moved(script)],
            cwd=self.folder,
            env={**self.environment, **(more or {})},
            input=answer,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{script}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
        return result.stdout


def find_base() -> int:
    """Return a port from which on there are as many free ones as the platform takes."""
    for base in range(21_000, 60_000, 100):
        try:
            for port in range(base, base + LAST_PORT + 1):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base
    raise AssertionError("no ports are free")


def blocks_of(kind: Kind) -> list[Block]:
    return [block for block in BLOCKS if block.kinds == {kind}]


OTHER_GATEWAYS = re.compile(r"^.*(LiteLLM|Portkey).*\n", re.MULTILINE)


def block_with(pattern: str) -> Block:
    (block,) = (block for block in BLOCKS if re.search(pattern, block.title))
    return block


def shape_of(text: str) -> list[str]:
    """Return lines without their figures, spaces and keys."""
    text = re.sub(r"de_test_\S+", "KEY", re.sub(r"\d[\d.]*", "N", text))
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    folder = tmp_path_factory.mktemp("readme")
    (folder / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    (folder / "clone").mkdir()
    return Clone(folder=copy_repository(folder / "clone"), base=find_base())


@pytest.fixture(scope="module")
def started(clone: Clone) -> Iterator[str]:
    """Run `npm start` until all is done; yield what it prints until it is ready."""
    process = subprocess.Popen(
        ["npm", "start", "--silent"],
        cwd=clone.folder,
        env=clone.environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line)
            if line.startswith("  de_test_"):
                break
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        yield "".join(lines)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)
        reader.join()
        process.stdout.close()


def test_start_when_ready_then_it_prints_what_the_readme_shows(clone: Clone, started: str) -> None:
    shown = shape_of(clone.moved(block_with("^Distributed Electrons is ready").text))
    printed = shape_of(started[started.index("Distributed Electrons is ready") :])

    assert printed == shown


@pytest.mark.parametrize("block", blocks_of(Kind.RUNNING), ids=lambda block: block.title[:50])
@pytest.mark.usefixtures("started")
def test_block_when_run_in_its_turn_then_all_succeeds(clone: Clone, block: Block) -> None:
    output = clone.run(block.text)

    (words,) = (words for pattern, words in PRINTED.items() if re.match(pattern, block.title))
    assert [word for word in words if word not in output] == []


@pytest.mark.usefixtures("started")
def test_keys_when_created_then_listed_rotated_and_revoked(clone: Clone) -> None:
    (block,) = blocks_of(Kind.KEYS)
    create, rest = block.text.split("\nnpm run keys -- list\n")

    created = clone.run(create)
    found = re.search(r"de_test_([a-z0-9]+)_", created)
    assert found, created
    output = clone.run("npm run keys -- list\n" + re.sub(r"vf8k2m0q7x1c9tzd", found[1], rest))

    assert found[1] in output


@pytest.mark.usefixtures("started")
def test_deployment_when_made_then_it_takes_only_keys(clone: Clone) -> None:
    deploy, manage = blocks_of(Kind.ACCOUNT)

    created = clone.run(deploy.text, answer="y\n", more=clone.account)

    found = re.search(r"^de_live_\S+$", created, re.MULTILINE)
    assert found, created
    url = f"http://127.0.0.1:{ports.EMULATORS}/cloudflare/workers.dev/text-gen/generate"
    call = f"""curl {url} -d '{{"prompt": "Hello"}}'"""
    assert '"success":true' in clone.run(f"{call} -H 'X-API-Key: {found[0]}'")
    assert "UNAUTHORIZED" in clone.run(f"{call} || true")
    source = clone.folder / "workers" / "text-gen" / "src" / "text_gen" / "__init__.py"
    source.write_text(source.read_text() + "# A change.\n")
    clone.run("npm run deploy -- text-gen --yes", more=clone.account)

    printed = [clone.run(line, answer="y\n", more=clone.account) for line in manage.text.splitlines()]

    assert "up to date" in printed[0]
    assert "text-gen-staging" in printed[1]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("npm run bench -- --requests 100", "one client +16 clients"),
        ("npm run bench:calls", "^ +/health +/v1/chat"),
        ("npm run bench:kill -- --kills 2", r"^\d+ kills, seed"),
        ("npm run bench:media", r"^\d+ MB +seconds"),
    ],
)
def test_benchmark_when_run_then_it_prints_the_readmes_table(clone: Clone, command: str, shown: str) -> None:
    printed = shape_of(clone.run(command.replace("npm run", "npm run --silent")))

    # Without the rows of other gateways, which `--peers` downloads, and without what was missed in this run.
    lines = [line.removesuffix(" missed") for line in printed if not line.endswith("so far")]
    wanted = [line.removesuffix(" missed") for line in shape_of(OTHER_GATEWAYS.sub("", block_with(shown).text))]
    assert lines[-len(wanted) :] == wanted


@pytest.mark.usefixtures("started")
def test_pictures_when_made_then_both_are_new(clone: Clone) -> None:
    images = [clone.folder / "docs" / "images" / name for name in ("demo.jpg", "terminal.svg")]
    before = [path.stat().st_mtime_ns for path in images]

    clone.run("npm run pictures")

    assert all(path.stat().st_mtime_ns > was for path, was in zip(images, before, strict=True))


def test_keys_help_when_asked_then_it_lists_the_scopes(clone: Clone) -> None:
    assert "text" in clone.run("npm run keys -- create --help")


def test_dev_when_started_then_one_worker_answers(clone: Clone) -> None:
    process = subprocess.Popen(
        ["npm", "run", "dev", "--", "text-gen", "--port", str(clone.base + 50)],
        cwd=clone.folder,
        env=clone.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert answer_of(f"http://127.0.0.1:{clone.base + 50}/health", clone)["service"] == "text-gen"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def answer_of(url: str, clone: Clone) -> dict[str, str]:
    """Return the JSON answer of a server that is about to start."""
    deadline = time.monotonic() + 120
    while True:
        result = subprocess.run(["curl", url], env=clone.environment, capture_output=True, text=True, check=False)
        if result.returncode == 0 or time.monotonic() > deadline:
            answer: dict[str, str] = json.loads(result.stdout or "{}")
            return answer
        time.sleep(0.5)
