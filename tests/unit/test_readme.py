"""Every command and code block of README.md is of a kind that tests/stacks/test_readme.py tests or has a reason for."""

import json
import re

import pytest

from setup import ROOT
from tests.readme import BLOCKS, COMMANDS, Block, Kind, read_blocks, read_commands

EVERY_BLOCK = pytest.mark.parametrize("block", read_blocks(), ids=lambda block: block.title.strip()[:40])
SHOWN = {Kind.OUTPUT, Kind.LAYOUT}


@EVERY_BLOCK
def test_block_when_read_then_of_one_kind(block: Block) -> None:
    assert len(block.kinds) == 1, f"README.md:{block.line}: say in tests/readme.py what this block is"
    assert (block.language == "sh") != bool(block.kinds & SHOWN)


def test_kinds_when_listed_then_each_has_a_block_or_command() -> None:
    assert [pattern for pattern in BLOCKS if not any(re.match(pattern, block.title) for block in read_blocks())] == []
    assert set(read_commands()) == set(COMMANDS), "say in tests/readme.py what the commands of README.md are"


def test_command_when_it_is_an_npm_script_then_it_exists() -> None:
    scripts = json.loads((ROOT / "package.json").read_text())["scripts"]
    text = (ROOT / "README.md").read_text()

    assert {name for name in re.findall(r"npm run (?:--silent )?([a-z][\w:]*)", text) if name not in scripts} == set()


def test_layout_when_a_folder_exists_then_it_is_named() -> None:
    (block,) = (block for block in read_blocks() if block.kinds == {Kind.LAYOUT})
    named = {line.partition("/")[0] for line in block.text.splitlines()}

    assert named == {"shared", "workers", "wrangler", "tests", "scripts", "docs"}
    assert [name for name in named if not (ROOT / name).is_dir()] == []
