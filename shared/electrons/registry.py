"""Find the providers of a capability, and the provider that a model name means."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TypeVar

import electrons.providers
from electrons.context import Context
from electrons.errors import ConfigurationError, UnknownProviderError
from electrons.upstream.provider import Provider

P = TypeVar("P", bound=Provider)


def find_providers(capability: type[P]) -> tuple[P, ...]:
    """Return an instance of each vendor in `electrons.providers` that has the capability, by name.

    A vendor is one module, or a package whose module `provider` has the class.
    """
    found = [kind() for kind in _provider_classes() if issubclass(kind, capability)]
    return tuple(sorted(found, key=lambda provider: provider.name))


def choose_model(context: Context, model: str, providers: Sequence[P]) -> tuple[P, str]:
    """Return what `resolve_model` returns if the deployment has the provider's credentials.

    Raises `UnknownProviderError` and `ConfigurationError`.
    """
    provider, name = resolve_model(model, providers)
    provider.check(context.settings)
    return provider, name


def choose_vendor_model(context: Context, model: str, providers: Sequence[P]) -> tuple[P, str]:
    """Return what `choose_model` returns, for a route of a vendor's own API: `ft:` names are OpenAI's there.

    Raises `UnknownProviderError`, which names the model, and `ConfigurationError`.
    """
    try:
        return choose_model(context, f"openai:{model}" if model.lower().startswith("ft:") else model, providers)
    except UnknownProviderError as error:
        message = f"The model `{model}` does not exist: {error.message[:1].lower()}{error.message[1:]}"
        raise UnknownProviderError(message, details=error.details) from error


def resolve_model(model: str, providers: Sequence[P]) -> tuple[P, str]:
    """Return the provider and the vendor's own model name. Raises `UnknownProviderError`, which lists the providers.

    `provider:name` is split at the first colon; a bare name belongs to the provider with the longest matching prefix.
    """
    prefix, colon, name = model.partition(":")
    if not colon:
        prefix, name = _owner_of(model), model
    wanted, name = prefix.strip().lower(), name.strip()
    for provider in providers:
        if provider.name == wanted and name:
            return provider, provider.find_model(name)
    known = [provider.name for provider in providers]
    reason = f"Unknown provider `{prefix}`" if wanted not in known else f"`{model}` does not name a model"
    raise UnknownProviderError(
        f"{reason}; use `provider:model` with one of: {', '.join(known)}", details={"providers": known}
    )


def check_default(setting: str, model: str, providers: Sequence[Provider]) -> str:
    """Return the model that a setting names. Raises `ConfigurationError` if that is not a model of a known provider."""
    try:
        resolve_model(model, providers)
    except UnknownProviderError as error:
        raise ConfigurationError(f"`{setting}`: {error.message}") from error
    return model


def _owner_of(model: str) -> str:
    name = model.strip().lower()
    matches = [
        (len(prefix), kind.name)
        for kind in _provider_classes()
        for prefix in kind.model_prefixes
        if name.startswith(prefix)
    ]
    return max(matches)[1]


@lru_cache(maxsize=1)
def _provider_classes() -> tuple[type[Provider], ...]:
    return tuple(_iterate_provider_classes())


def _iterate_provider_classes() -> Iterator[type[Provider]]:
    for module in pkgutil.iter_modules(electrons.providers.__path__):
        path = f"electrons.providers.{module.name}" + (".provider" if module.ispkg else "")
        for _, kind in inspect.getmembers(importlib.import_module(path), inspect.isclass):
            if issubclass(kind, Provider) and not inspect.isabstract(kind) and kind.__module__ == path:
                yield kind
