"""The commands and code blocks of README.md, and what each of them is to the test that runs them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from setup import ROOT

README = ROOT / "README.md"


class Kind(Enum):
    """How a block or a command is tested."""

    START = "runs for as long as the others need it"
    RUNNING = "is run while the platform runs"
    KEYS = "is run with the id of the key that its first command creates"
    TESTS = "is the test command itself"
    ACCOUNT = "is run on the emulated Cloudflare account"
    NETWORK = "needs the internet"
    SERVER = "runs until it is ended"
    PATTERN = "is a form to fill in"
    OUTPUT = "is what a command prints"
    LAYOUT = "names the folders"


BLOCKS: Mapping[str, Kind] = {
    r"npm start$": Kind.START,
    r"npm test$": Kind.TESTS,
    r"curl ": Kind.RUNNING,
    r"npm run demo ": Kind.RUNNING,
    r"npx wrangler d1 execute DB --local ": Kind.RUNNING,
    r"npm run keys -- create ": Kind.KEYS,
    r"cp \.dev\.vars\.example \.prod\.vars": Kind.ACCOUNT,
    r"npm run deploy -- status": Kind.ACCOUNT,
    r"Distributed Electrons is ready ": Kind.OUTPUT,
    r"\d+ min \d+ s, ": Kind.OUTPUT,
    r" +one client +16 clients ": Kind.OUTPUT,
    r" +/health +/v1/chat ": Kind.OUTPUT,
    r" +typical +worst ": Kind.OUTPUT,
    r"\d+ kills, seed ": Kind.OUTPUT,
    r"\d+ MB +seconds ": Kind.OUTPUT,
    r"shared/ ": Kind.LAYOUT,
}
"""By a pattern of the first line."""

COMMANDS: Mapping[str, Kind] = {
    "DE_PORT_BASE=9000 npm start": Kind.START,
    "npm test -- -k stream": Kind.TESTS,
    "npm run bench": Kind.RUNNING,
    "npm run bench -- --peers": Kind.NETWORK,
    "npm run bench:calls": Kind.RUNNING,
    "npm run bench:edge": Kind.RUNNING,
    "npm run bench:kill": Kind.RUNNING,
    "npm run bench:media": Kind.RUNNING,
    "npm run check": Kind.RUNNING,
    "npm run pictures": Kind.RUNNING,
    "npm run keys -- create --help": Kind.RUNNING,
    'npm run demo -- "the history of lighthouses"': Kind.RUNNING,
    "npm run dev -- text-gen": Kind.SERVER,
    "npx wrangler dev": Kind.NETWORK,
    "npm run rehearse": Kind.RUNNING,
    "npx wrangler deploy": Kind.ACCOUNT,
    "npm run logs -- WORKER": Kind.PATTERN,
    "npm run --silent keys -- create … > key": Kind.PATTERN,
}
"""The commands within the text."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"`((?:[A-Z_]+=\S+ )?np[mx] [^`]+)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: its language, its text, the line where the text begins."""

    language: str
    text: str
    line: int

    @property
    def title(self) -> str:
        """The first line."""
        return self.text.splitlines()[0]

    @property
    def kinds(self) -> set[Kind]:
        """What the block is: one kind, unless `BLOCKS` has a mistake."""
        return {kind for pattern, kind in BLOCKS.items() if re.match(pattern, self.title)}


def read_blocks(path: Path = README) -> list[Block]:
    """Return all fenced blocks."""
    text = path.read_text(encoding="utf-8")
    return [
        Block(language=found[1], text=found[2], line=text.count("\n", 0, found.start(2)) + 1)
        for found in _BLOCK.finditer(text)
    ]


def read_commands(path: Path = README) -> list[str]:
    """Return the npm and npx commands within the text, each once."""
    text = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    return list(dict.fromkeys(re.sub(r"\s+", " ", found[1]) for found in _COMMAND.finditer(text)))
