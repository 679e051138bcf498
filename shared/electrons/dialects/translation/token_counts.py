"""Reported tokens: those of the prompt cache are within OpenAI's input, and beside Anthropic's."""

from __future__ import annotations

from typing import Any

from electrons.dialects.usage import read_counts
from electrons.upstream.reading import as_integer, as_object


def write_chat_usage(usage: dict[str, Any]) -> dict[str, Any]:
    """Return Anthropic's usage as that of chat completions."""
    counts = read_counts(usage)
    thinking = as_integer(as_object(usage.get("output_tokens_details")).get("thinking_tokens")) or 0
    return {
        "prompt_tokens": counts.input_tokens,
        "completion_tokens": counts.output_tokens,
        "total_tokens": counts.input_tokens + counts.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": counts.cache_read_tokens,
            "cache_write_tokens": counts.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": thinking},
    }


def write_message_usage(usage: dict[str, Any]) -> dict[str, int]:
    """Return the usage of chat completions as that of a message."""
    counts = read_counts(usage)
    details = as_object(usage.get("prompt_tokens_details"))
    written = counts.cache_write_tokens or as_integer(details.get("cache_write_tokens")) or 0
    written = min(written, counts.input_tokens - counts.cache_read_tokens)
    return {
        "input_tokens": counts.input_tokens - counts.cache_read_tokens - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": counts.cache_read_tokens,
        "output_tokens": counts.output_tokens,
    }


def write_response_usage(usage: dict[str, Any], *, input_estimate: int, output_estimate: int) -> dict[str, Any]:
    """Return the usage of chat completions as that of a response; an estimate stands for a count of 0."""
    counts = read_counts(usage)
    details = as_object(usage.get("completion_tokens_details"))
    input_tokens = counts.input_tokens or input_estimate
    output_tokens = counts.output_tokens or output_estimate
    written = as_integer(as_object(usage.get("prompt_tokens_details")).get("cache_write_tokens")) or 0
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {"cached_tokens": counts.cache_read_tokens, "cache_write_tokens": written},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": as_integer(details.get("reasoning_tokens")) or 0},
        "total_tokens": input_tokens + output_tokens,
    }
