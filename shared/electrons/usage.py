"""What a call to a provider used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Usage:
    """What one provider call used; a handler fills it as soon as it knows, so that a failure is recorded as well.

    Units are the provider's own (`unit` names them: tokens, characters, images, seconds). `input_units` contain those
    that the provider read from its prompt cache or wrote to it, which have prices of their own. `upstream_ms` is the
    time spent waiting for the provider, retries and their pauses included.
    """

    provider: str
    model: str
    unit: str = "tokens"
    input_units: int = 0
    output_units: int = 0
    cache_read_units: int = 0
    cache_write_units: int = 0
    upstream_ms: int = 0

    @property
    def total_units(self) -> int:
        """Input and output together: what a `tokens` limit counts."""
        return self.input_units + self.output_units
