"""Clients that others wrote, unmodified, against the gateway on workerd; and the examples of their pages."""

import contextlib
from collections.abc import Callable
from functools import cache

import httpx2
import pytest

from tests.emulators.process import Emulators
from tests.foreign.clients import CLIENTS, Client, describe_gateway
from tests.foreign.environments import install
from tests.platform import Platform

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]

EVERY_CASE = [
    pytest.param(client, case, id=f"{client.name}-{case}") for client in CLIENTS for case in client.list_cases()
]
EVERY_BLOCK = [
    pytest.param(client, number, id=f"{client.name}-{number}")
    for client in CLIENTS
    for number in range(len(client.list_blocks()))
]

Run = Callable[[Client], dict[str, str | None]]


@pytest.fixture(scope="module")
def installed(pytestconfig: pytest.Config) -> None:
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    # The first time takes minutes, so its progress is shown.
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        install()


@pytest.fixture(scope="module")
def variables(
    installed: None, running_platforms: Callable[[None], Platform], running_emulators: Emulators
) -> dict[str, str]:
    platform = running_platforms(None)
    spent = platform.key("text", rate_limit_policy='"requests";q=1;w=3600')
    url = platform.urls["text-gen-with-keys-required"]
    httpx2.get(f"{url}/v1/models", headers={"Authorization": f"Bearer {spent}"}, timeout=30, trust_env=False)
    return describe_gateway(
        platform.urls, emulators=running_emulators.url, key=platform.all_powerful_key, spent_key=spent
    )


@pytest.fixture(scope="module")
def run_cases(variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    return cache(lambda client: client.run_cases(tmp_path_factory.mktemp(client.name), variables))


@pytest.mark.parametrize(("client", "case"), EVERY_CASE)
def test_case_when_run_then_it_passes(run_cases: Run, client: Client, case: str) -> None:
    problem = run_cases(client)[case]

    assert problem is None, problem


@pytest.mark.parametrize(("client", "number"), EVERY_BLOCK)
def test_example_of_a_page_when_run_then_it_prints(
    emulators: Emulators,
    variables: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    client: Client,
    number: int,
) -> None:
    printed = client.run_block(number, tmp_path_factory.mktemp("page"), variables)

    assert printed.strip()
    assert emulators.requests("openai") or emulators.requests("anthropic")
