"""The providers of this worker: the vendors, the rows of compatible endpoints, and those that the deployment adds."""

from __future__ import annotations

from collections.abc import Sequence

from electrons.capabilities.text import TextProvider
from electrons.context import Context
from electrons.providers.openai.compatible import BUILT_IN, built_in_providers, read_providers
from electrons.registry import find_providers
from text_gen.settings import TextSettings

PROVIDERS: tuple[TextProvider, ...] = (*find_providers(TextProvider), *built_in_providers())
OPTIONAL = frozenset(endpoint.name for endpoint in BUILT_IN)

_NAMES = frozenset(provider.name for provider in PROVIDERS)


def read_added(text: str) -> Sequence[TextProvider]:
    """Return the providers in the setting `PROVIDERS`. Raises `ConfigurationError`."""
    return read_providers(text, _NAMES)


def list_providers(context: Context) -> Sequence[TextProvider]:
    """Return all providers of the deployment."""
    added = context.settings_as(TextSettings).providers
    return (*PROVIDERS, *read_added(added)) if added else PROVIDERS
