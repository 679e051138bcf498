"""Chat completions, the API that OpenAI defined and that many other vendors and servers speak as well.

Wire format: https://developers.openai.com/api/reference/resources/chat (2026-11). A vendor that speaks it is a class
with a name, a title and a base URL:

    class GroqProvider(OpenAICompatibleProvider):
        name = "groq"
        title = "Groq"
        base_url = "https://api.groq.com/openai/v1"
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from pydantic_core import from_json

from electrons.capabilities.text import TextCall, TextProvider, TextResult
from electrons.errors import ProviderError
from electrons.http import HeaderPairs
from electrons.upstream.errors import classify_error, parse_json_error, parse_retry_after
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.reading import as_object, as_text

_QUOTA_CODES = {"insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached"}


class OpenAICompatibleProvider(TextProvider):
    """A vendor that speaks OpenAI's chat completions. `completion_tokens` contains the reasoning."""

    max_tokens_field: ClassVar[str] = "max_tokens"
    """The field that limits the output; OpenAI itself has renamed it."""
    stream_options: ClassVar[dict[str, bool]] = {"include_usage": True}

    def takes_sampling(self, model: str) -> bool:
        """Return whether the model takes `temperature` and `top_p`."""
        return True

    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """Bearer key, and our request id where OpenAI's support finds it."""
        return [("Authorization", f"Bearer {api_key}"), ("X-Client-Request-Id", request_id)]

    def fit(self, call: TextCall, *, explicit: frozenset[str]) -> tuple[TextCall, list[str]]:
        """Leave sampling options out for models that do not take them."""
        if self.takes_sampling(call.model):
            return call, []
        dropped = {"temperature", "top_p"} & explicit
        warnings = [f"{call.model} does not take {option}; it was left out" for option in sorted(dropped)]
        return replace(call, temperature=None, top_p=None), warnings

    def build_text(self, call: TextCall, *, stream: bool) -> ProviderRequest:
        """`POST /chat/completions`."""
        messages = [{"role": "system", "content": call.system_prompt}] if call.system_prompt else []
        document: dict[str, Any] = {
            "model": call.model,
            "messages": [*messages, {"role": "user", "content": call.prompt}],
            self.max_tokens_field: call.max_tokens,
        }
        if call.temperature is not None:
            document["temperature"] = call.temperature
        if call.top_p is not None:
            document["top_p"] = call.top_p
        if call.stop_sequences:
            document["stop"] = list(call.stop_sequences)
        if stream:
            document |= {"stream": True, "stream_options": self.stream_options}
        return ProviderRequest.json("/chat/completions", document, headers=[])

    def parse_text(self, document: dict[str, Any]) -> TextResult:
        """The first choice's text; a refusal is text too."""
        choice, usage = document["choices"][0], document["usage"]
        message = choice["message"]
        return TextResult(
            model=document["model"],
            text=message.get("content") or message.get("refusal") or "",
            finish_reason=choice["finish_reason"],
            input_tokens=usage["prompt_tokens"],
            output_tokens=usage["completion_tokens"],
        )

    def parse_text_event(self, data: str, result: TextResult) -> str:
        """One chunk; the last one before `[DONE]` has no choices and the usage."""
        if data == "[DONE]":
            return ""
        chunk = from_json(data)
        if "error" in chunk:
            error = chunk["error"]
            # A failure in the middle of a stream has no status of its own.
            raise classify_error(error["message"], provider=self, status=500, code=as_text(error.get("code")))
        result.model = chunk["model"]
        if usage := chunk.get("usage"):
            result.input_tokens, result.output_tokens = usage["prompt_tokens"], usage["completion_tokens"]
        if not chunk["choices"]:
            return ""
        choice = chunk["choices"][0]
        result.finish_reason = choice["finish_reason"] or result.finish_reason
        text: str = choice["delta"].get("content") or choice["delta"].get("refusal") or ""
        return text

    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        """`{"error": {"message", "type", "param", "code"}}`."""
        error = as_object(parse_json_error(content).get("error"))
        kind = as_text(error.get("type"))
        code = as_text(error.get("code")) or kind
        return classify_error(
            error.get("message"),
            provider=self,
            status=status,
            code=code,
            request_id=headers.get("x-request-id"),
            retry_after=parse_retry_after(headers),
            out_of_quota=bool({code, kind} & _QUOTA_CODES),
        )
