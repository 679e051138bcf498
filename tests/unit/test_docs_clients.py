"""The pages of docs/clients, their table, the locked versions and the tests of clients agree."""

import re

import pytest

from tests.foreign.clients import CASES, CLIENTS, PAGES, Client
from tests.foreign.environments import read_versions

EVERY_CLIENT = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
TABLE = dict(re.findall(r"^\| \[[^\]]+\]\(([\w-]+)\.md\) \| (.*) \|$", (PAGES / "README.md").read_text(), re.MULTILINE))
_VERSION = re.compile(r"((?:@[\w-]+/)?[a-z][\w-]*) (\d+\.[\d.]*\d)")


def test_table_when_compared_then_it_has_every_client() -> None:
    assert list(TABLE) == [client.name for client in CLIENTS]
    assert {path.stem for path in PAGES.glob("*.md")} == {*TABLE, "README"}
    assert {path.name for path in CASES.iterdir() if path.suffix != ".pyc"} - {"__pycache__"} == {
        client.file.name for client in CLIENTS
    }


def test_rules_when_read_then_each_is_held_by_tests_that_exist() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", (PAGES / "README.md").read_text(), re.MULTILINE)
    tests = [(name, PAGES / path) for _, row in rows for name, path in re.findall(r"\[(test_\w+)\]\((\S+)\)", row)]

    assert [int(number) for number, _ in rows] == list(range(1, 21))
    assert [number for number, row in rows if "[test_" not in row] == []
    assert [name for name, path in tests if not re.search(rf"^(async )?def {name}\(", path.read_text(), re.M)] == []


@EVERY_CLIENT
def test_row_when_read_then_it_names_versions_and_test(client: Client) -> None:
    row, page = TABLE[client.name], client.page.read_text()
    versions = dict(_VERSION.findall(row))

    assert f"(../../tests/foreign/cases/{client.file.name})" in row
    assert versions
    assert versions == {name: read_versions(client.environment).get(name) for name in versions}
    assert dict(_VERSION.findall(page.partition("| tested with |")[2].partition("\n")[0])) == versions


@EVERY_CLIENT
def test_page_when_read_then_it_has_what_all_have(client: Client) -> None:
    page = client.page.read_text()

    wanted = [
        "| base URL |",
        "| key |",
        "| models |",
        "- **Works**",
        "- **Translated**",
        "- **Refused**",
        "- **Limits**",
    ]
    assert [part for part in wanted if part not in page] == []
    assert client.list_blocks()
    assert client.list_cases()
