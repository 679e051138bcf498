"""Relative links in the repository's Markdown files point to files and headings that exist."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SKIPPED_FOLDERS = {"node_modules", "python_modules", "out"}
"""Folders that set-up and builds write; hidden folders except `.github` are skipped as well."""

_FENCED = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?^ {0,3}\1[`~]*\s*?$", flags=re.MULTILINE | re.DOTALL)
_CODE_SPAN = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", flags=re.DOTALL)
_INLINE_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'(][^)]*)?\s*\)")
_DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)", flags=re.MULTILINE)
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$", flags=re.MULTILINE)
_ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:|//", flags=re.IGNORECASE)


def find_documents(folder: Path = ROOT) -> Iterator[Path]:
    """Return every Markdown file of the repository, without those that set-up and builds write."""
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            hidden = path.name.startswith(".") and path.name != ".github"
            if not hidden and path.name not in SKIPPED_FOLDERS:
                yield from find_documents(path)
        elif path.suffix == ".md":
            yield path


DOCUMENTS = list(find_documents())


def find_links(text: str) -> list[str]:
    """Return the relative targets of links and images; code is not searched."""
    prose = _CODE_SPAN.sub("", _FENCED.sub("", text))
    targets = [*_INLINE_LINK.findall(prose), *_DEFINITION.findall(prose)]
    return [target for target in targets if not _SCHEME.match(target)]


def find_anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives a document's headings, and those that the document defines."""
    text = _FENCED.sub("", text)
    anchors: set[str] = set(_ANCHOR.findall(text))
    seen: dict[str, int] = {}
    for heading in _HEADING.findall(text):
        shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        number = seen.get(slug, 0)
        seen[slug] = number + 1
        anchors.add(f"{slug}-{number}" if number else slug)
    return anchors


@cache
def anchors_of(document: Path) -> set[str]:
    return find_anchors(document.read_text())


def find_problem(document: Path, target: str) -> str | None:
    """Return what is wrong with a link, or None if its target exists."""
    path, _, anchor = target.partition("#")
    linked = (ROOT / path[1:] if path.startswith("/") else document.parent / path).resolve() if path else document
    if not linked.is_relative_to(ROOT):
        return f"{target} leaves the repository"
    if not linked.exists():
        return f"{target}: there is no such file"
    if anchor and linked.suffix == ".md" and anchor not in anchors_of(linked):
        return f"{target}: there is no such heading"
    return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_when_relative_then_their_targets_exist(document: Path) -> None:
    problems = [find_problem(document, target) for target in find_links(document.read_text())]

    assert [problem for problem in problems if problem] == []


def test_documents_when_searched_then_the_readmes_are_found() -> None:
    found = {str(path.relative_to(ROOT)) for path in DOCUMENTS}

    assert {"README.md", "shared/README.md", "workers/text-gen/README.md", "tests/emulators/README.md"} <= found


def test_find_links_when_there_is_code_then_it_is_not_searched() -> None:
    text = "[a](a.md) `[b](b.md)` ![c](c.png) [d](https://example.com) [e](<e.md#x>) [f][g]\n\n"
    text += "```sh\necho [h](h.md)\n```\n\n[g]: g.md\n[i](#i)\n[j](mailto:j@example.com)\n"

    assert find_links(text) == ["a.md", "c.png", "e.md#x", "#i", "g.md"]


def test_find_anchors_when_headings_repeat_then_numbered() -> None:
    text = "# `POST /x`: what, why?\n## Same\n## Same\n```\n# not a heading\n```\n## A_b-c [d](e.md)\n"

    assert find_anchors(text) == {"post-x-what-why", "same", "same-1", "a_b-c-d"}


@pytest.mark.parametrize("target", ["gone.md", "README.md#gone", "#gone", "../../README.md", "/gone.md"])
def test_find_problem_when_a_target_is_missing_then_reported(target: str) -> None:
    assert find_problem(ROOT / "README.md", target) is not None
