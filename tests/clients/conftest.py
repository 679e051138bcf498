"""Fixtures of the vendors' official SDKs, which send their requests to the emulators."""

from collections.abc import AsyncIterator, Iterator

import anthropic
import openai
import pytest

from tests.emulators.process import Emulators

# Tests share the synchronous clients, because each new one loads the system's certificates.


@pytest.fixture(scope="session")
def shared_anthropic_client(running_emulators: Emulators) -> Iterator[anthropic.Anthropic]:
    base_url = running_emulators.url_of("anthropic")
    with anthropic.Anthropic(base_url=base_url, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(shared_anthropic_client: anthropic.Anthropic, emulators: Emulators) -> anthropic.Anthropic:
    return shared_anthropic_client


@pytest.fixture
async def async_anthropic_client(emulators: Emulators) -> AsyncIterator[anthropic.AsyncAnthropic]:
    base_url = emulators.url_of("anthropic")
    async with anthropic.AsyncAnthropic(base_url=base_url, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def shared_openai_client(running_emulators: Emulators) -> Iterator[openai.OpenAI]:
    base_url = running_emulators.url_of("openai")
    with openai.OpenAI(base_url=base_url, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def openai_client(shared_openai_client: openai.OpenAI, emulators: Emulators) -> openai.OpenAI:
    return shared_openai_client


@pytest.fixture
async def async_openai_client(emulators: Emulators) -> AsyncIterator[openai.AsyncOpenAI]:
    base_url = emulators.url_of("openai")
    async with openai.AsyncOpenAI(base_url=base_url, api_key="any", max_retries=0) as client:
        yield client
