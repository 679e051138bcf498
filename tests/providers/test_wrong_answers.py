"""Whatever one value of a provider's answer is: a result or a `ProviderError`, and a result if it is not needed.

The answers are those of the tables of all providers (`cases.py`); every value in them is made wrong in every way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest

from electrons.context import Context
from electrons.errors import ProviderError
from electrons.upstream.provider import Provider
from electrons.usage import Usage
from tests.providers.cases import CALLERS, Case, create_context
from tests.providers.mutations import ABSENT, Mutation, mutate
from tests.providers.test_conformance import PROVIDERS, read_cases

REPRESENTATIVE = ("success", "401", "429", "5xx")

WHOLE = [
    pytest.param(provider, capability, case, id=f"{provider.name}-{capability}-{name}")
    for provider in PROVIDERS
    for capability, cases in read_cases(provider).items()
    for name, case in cases.items()
    if name in REPRESENTATIVE and isinstance(case.body, dict | list)
]

MUTATED = [
    pytest.param(provider, capability, case, id=f"{provider.name}-{capability}")
    for provider in PROVIDERS
    for capability, cases in read_cases(provider).items()
    for case in [cases["success"]]
    if isinstance(case.body, dict | list)
]


class Replay:
    """A context whose provider answers with `case`, which changes from call to call."""

    def __init__(self, provider: Provider, case: Case) -> None:
        self.case = case
        self.provider = provider
        self.context = create_context(provider, self._respond, max_retries=0)

    def _respond(self, request: httpx2.Request) -> httpx2.Response:
        return self.case.respond(request)

    async def call(self, capability: str, mutation: Mutation) -> object:
        """Return the result of one call, or the `ProviderError`; everything else is a failure of the test."""
        self.case = replace(self.case, body=mutation.document)
        self.context.usage = Usage(provider=self.provider.name, model="model-1")
        self.context.deferred.clear()
        try:
            return await CALLERS[capability](self.context, self.provider)
        except ProviderError as error:
            return error
        except Exception as error:
            raise AssertionError(f"{mutation.field}, {mutation.change}: {error!r}") from error


def is_sound(context: Context) -> bool:
    """Return whether the call can be written to the ledger and settled."""
    usage = context.usage
    counts = [] if usage is None else [usage.input_units, usage.output_units, usage.cache_read_units]
    return (
        usage is not None
        and isinstance(usage.model, str)
        and 0 < len(usage.model) <= 256
        and all(type(count) is int and 0 <= count <= 4 * 10**9 for count in counts)
    )


def mutations_of(case: Case) -> Iterator[Mutation]:
    """Iterate over the wrong answers that a case becomes."""
    return mutate(case.body)


@pytest.mark.parametrize(("provider", "capability", "case"), WHOLE)
async def test_wrong_value_gives_a_result_or_a_provider_error(provider: Provider, capability: str, case: Case) -> None:
    replay = Replay(provider, case)

    for mutation in mutations_of(case):
        result = await replay.call(capability, mutation)

        assert is_sound(replay.context), f"{mutation.field}, {mutation.change}: {replay.context.usage}"
        if case.status >= 300:
            assert isinstance(result, ProviderError)
        if isinstance(result, ProviderError):
            assert result.message
            assert result.to_body("request-1")


@pytest.mark.parametrize(("provider", "capability", "case"), MUTATED)
async def test_answer_without_an_unneeded_field_is_a_result(provider: Provider, capability: str, case: Case) -> None:
    replay = Replay(provider, case)
    failures = set()

    for mutation in mutations_of(case):
        if mutation.change in ABSENT and mutation.field not in case.needed:
            result = await replay.call(capability, mutation)
            if isinstance(result, ProviderError):
                failures.add(f"{mutation.field}, {mutation.change}")

    assert failures == set()


@pytest.mark.parametrize(("provider", "capability", "case"), MUTATED)
async def test_needed_fields_are_needed(provider: Provider, capability: str, case: Case) -> None:
    replay = Replay(provider, case)
    refused = {
        mutation.field
        for mutation in mutations_of(case)
        if mutation.change in ABSENT and isinstance(await replay.call(capability, mutation), ProviderError)
    }

    assert set(case.needed) <= refused, "a field is listed in `needed` though the result can live without it"
