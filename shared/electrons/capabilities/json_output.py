"""Texts that must be JSON: how a model is asked for it, and what is done when it writes something else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from electrons.capabilities.text import TextCall, TextMessage, TextProvider, TextResult, generate_text
from electrons.context import Context
from electrons.errors import InvalidModelOutputError, ProviderError
from electrons.json_schema.validation import find_mismatch
from electrons.upstream.reading import load_json

TEXT_LIMIT = 20_000
"""Characters of a model's answer in an error."""

_INSTRUCTION = "Answer with one JSON value and nothing else: no explanation before or after it, no code fence."
_REPAIR = "That is not the JSON that was asked for: {reason}. Answer again with the corrected value and nothing else."
_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n?```", re.DOTALL | re.IGNORECASE)
_WHOLE = ("stop", None)
"""Why a text ends that the model did not break off."""


def ask_for_json(provider: TextProvider, call: TextCall, schema: Mapping[str, Any] | None) -> TextCall:
    """Return the call with what tells the model to write JSON, and the schema that it must fit if there is one."""
    told = [call.system_prompt or "", _INSTRUCTION]
    if schema is not None and not provider.enforces_json:
        told.append(f"It must fit this JSON Schema:\n{json.dumps(schema, ensure_ascii=False)}")
    return replace(call, system_prompt="\n\n".join(filter(None, told)), json_schema=schema)


def extract_json(text: str, schema: Mapping[str, Any] | None) -> str:
    """Return the JSON value in a text, as the model wrote it. Raises ValueError, which says what is wrong.

    The value may be in a code fence, or have words around it.
    """
    stripped = text.strip()
    starts = [at for at in (stripped.find("{"), stripped.find("[")) if at >= 0]
    embedded = stripped[min(starts) : max(stripped.rfind("}"), stripped.rfind("]")) + 1] if starts else ""
    for candidate in (stripped, *_FENCED.findall(stripped), embedded):
        try:
            value = load_json(candidate)
        except (ValueError, RecursionError):
            continue
        if (mismatch := find_mismatch(value, schema if schema is not None else {})) is not None:
            raise ValueError(mismatch)
        return str(candidate)
    raise ValueError("it is not JSON")


def check_json(result: TextResult, text: str, *, schema: Mapping[str, Any] | None) -> str:
    """Return the JSON value in a model's answer. Raises `InvalidModelOutputError`."""
    try:
        return extract_json(text, schema)
    except ValueError as error:
        raise _refuse(result, text, str(error)) from error


async def generate_json(
    context: Context, provider: TextProvider, call: TextCall, schema: Mapping[str, Any] | None
) -> TextResult:
    """Return a result whose text is JSON that fits the schema. `call` is from `ask_for_json`.

    A model that writes something else is told what is wrong and asked once more; both calls are counted. A text that
    was cut off or filtered is not asked for again. Raises `InvalidModelOutputError`, and for the first call what
    `generate_text` raises.
    """
    first = await generate_text(context, provider, call)
    try:
        first.text = extract_json(first.text, schema)
    except ValueError as error:
        reason = str(error)
    else:
        return first
    if first.finish_reason not in _WHOLE:
        raise _refuse(first, first.text, reason)
    said = [TextMessage("assistant", first.text)] if first.text.strip() else []
    repair = replace(call, messages=(*call.messages, *said, TextMessage("user", _REPAIR.format(reason=reason))))
    try:
        second = await generate_text(context, provider, repair)
    except ProviderError as error:
        raise _refuse(first, first.text, f"{reason}; and it was not corrected: {error.message}") from error
    finally:
        _count_both(context, first)
    second.input_tokens += first.input_tokens
    second.output_tokens += first.output_tokens
    second.warnings = [*first.warnings, *second.warnings, f"The model had to be asked twice: {reason}"]
    second.text = check_json(second, second.text, schema=schema)
    return second


def _count_both(context: Context, first: TextResult) -> None:
    """Add what the first call has used to the usage, which has that of the second."""
    if context.usage is not None:
        context.usage.input_units += first.input_tokens
        context.usage.output_units += first.output_tokens
        context.usage.cache_read_units += first.cache_read_tokens
        context.usage.cache_write_units += first.cache_write_tokens


def _refuse(result: TextResult, text: str, reason: str) -> InvalidModelOutputError:
    if result.finish_reason == "length":
        reason = f"it was cut off at `max_tokens` ({reason})"
    elif result.finish_reason == "content_filter":
        reason = f"the provider has filtered it ({reason})"
    return InvalidModelOutputError(
        f"The model's answer is not the JSON that was asked for: {reason}",
        details={"reason": reason, "text": text[:TEXT_LIMIT]},
    )
