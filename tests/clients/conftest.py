"""The vendors' official SDKs, unchanged, pointed at the emulators."""

from collections.abc import AsyncIterator, Iterator

import anthropic
import openai
import pytest

from tests.emulators.process import Emulators

# The clients live as long as the session, since each loads the system's certificates when it is made.


@pytest.fixture(scope="session")
def claude_session(running_emulators: Emulators) -> Iterator[anthropic.Anthropic]:
    base_url = running_emulators.url_of("anthropic")
    with anthropic.Anthropic(base_url=base_url, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(claude_session: anthropic.Anthropic, emulators: Emulators) -> anthropic.Anthropic:
    return claude_session


@pytest.fixture
async def async_claude(emulators: Emulators) -> AsyncIterator[anthropic.AsyncAnthropic]:
    base_url = emulators.url_of("anthropic")
    async with anthropic.AsyncAnthropic(base_url=base_url, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def gpt_session(running_emulators: Emulators) -> Iterator[openai.OpenAI]:
    base_url = running_emulators.url_of("openai")
    with openai.OpenAI(base_url=base_url, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def gpt(gpt_session: openai.OpenAI, emulators: Emulators) -> openai.OpenAI:
    return gpt_session


@pytest.fixture
async def async_gpt(emulators: Emulators) -> AsyncIterator[openai.AsyncOpenAI]:
    base_url = emulators.url_of("openai")
    async with openai.AsyncOpenAI(base_url=base_url, api_key="any", max_retries=0) as client:
        yield client
