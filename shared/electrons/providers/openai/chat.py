"""Chat completions, the API that OpenAI defined and that many other vendors and servers speak as well.

Wire format: https://developers.openai.com/api/reference/resources/chat (2026-11). A vendor that speaks it is a class
with a name, a title and a base URL:

    class GroqProvider(OpenAICompatibleProvider):
        name = "groq"
        title = "Groq"
        base_url = "https://api.groq.com/openai/v1"

Those servers differ in what they leave out, so only the text itself has to be there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from electrons.capabilities.text import TextCall, TextProvider, TextResult
from electrons.errors import ProviderError
from electrons.http import HeaderPairs
from electrons.json_schema.vendors import is_strict_for_openai
from electrons.upstream.errors import classify_error, parse_json_error, parse_retry_after, status_of_code
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.reading import NAME_LIMIT, Reader, UnreadableError, as_object, load_json

_TEXT_PARTS = {"text", "output_text"}


class OpenAICompatibleProvider(TextProvider):
    """A vendor that speaks OpenAI's chat completions. `completion_tokens` contains the reasoning."""

    dialect = "openai"

    max_tokens_field: ClassVar[str] = "max_tokens"
    """The field that limits the output; OpenAI itself has renamed it."""
    stream_options: ClassVar[dict[str, bool]] = {"include_usage": True}

    def vendor_path(self, path: str) -> str:
        """Return the path without `/v1`, which the base URL contains."""
        return path.removeprefix("/v1")

    def fit_document(self, document: dict[str, Any]) -> dict[str, Any]:
        """Rename the limit of the output, and leave `stream_options` out where the server does not know it."""
        fitted = {
            self.max_tokens_field if name == "max_completion_tokens" else name: document[name] for name in document
        }
        if not self.reports_stream_usage:
            fitted.pop("stream_options", None)
        return fitted

    def takes_sampling(self, model: str) -> bool:
        """Return whether the model takes `temperature` and `top_p`."""
        return True

    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """Return the bearer key, and our request id where OpenAI's support finds it."""
        return [("Authorization", f"Bearer {api_key}"), ("X-Client-Request-Id", request_id)]

    def fit(self, call: TextCall, *, explicit: frozenset[str]) -> tuple[TextCall, list[str]]:
        """Leave sampling options out for models that do not take them."""
        if self.takes_sampling(call.model):
            return call, []
        dropped = {"temperature", "top_p"} & explicit
        warnings = [f"{call.model} does not take {option}; it was left out" for option in sorted(dropped)]
        return replace(call, temperature=None, top_p=None), warnings

    def build_text(self, call: TextCall, *, stream: bool) -> ProviderRequest:
        """Build `POST /chat/completions`."""
        system = [{"role": "system", "content": call.system_prompt}] if call.system_prompt else []
        messages = [{"role": message.role, "content": message.content} for message in call.messages]
        document: dict[str, Any] = {
            "model": call.model,
            "messages": [*system, *messages],
            self.max_tokens_field: call.max_tokens,
        }
        if call.json_schema is not None and self.enforces_json:
            schema, is_strict = dict(call.json_schema), is_strict_for_openai(call.json_schema)
            form = {"name": "answer", "schema": schema, "strict": is_strict}
            document["response_format"] = {"type": "json_schema", "json_schema": form}
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
        """Return the first choice's text; a refusal is text too."""
        answer = Reader(document)
        choices = answer.items("choices", lambda choice: (_read_text(choice.child("message", required=True)), choice))
        if not choices:
            raise UnreadableError("`choices` is empty")
        text, choice = choices[0]
        usage = answer.child("usage")
        return TextResult(
            model=answer.string("model", default="", limit=NAME_LIMIT),
            text=text,
            finish_reason=choice.string("finish_reason", default="stop", limit=NAME_LIMIT),
            input_tokens=usage.integer("prompt_tokens", default=0),
            output_tokens=usage.integer("completion_tokens", default=0),
            warnings=answer.warnings,
        )

    def parse_text_event(self, data: str, result: TextResult) -> str:
        """Read one chunk. The last one before `[DONE]` has the usage; some have no text, or no choices."""
        if data == "[DONE]":
            result.is_complete = True
            return ""
        document = load_json(data, keep_surrogates=True)
        if document is None:
            return ""
        if not isinstance(document, dict):
            raise UnreadableError("a chunk is not an object")
        if document.get("error"):
            raise self._read_reported_error(document)
        if (piece := _find_piece(document, result.model)) is not None:
            return piece
        chunk = Reader(document, warnings=result.warnings)
        result.model = chunk.string("model", default=result.model, limit=NAME_LIMIT)
        usage = chunk.child("usage")
        result.input_tokens = usage.integer("prompt_tokens", default=result.input_tokens)
        result.output_tokens = usage.integer("completion_tokens", default=result.output_tokens)
        choices = chunk.items("choices", lambda choice: choice) if "choices" in chunk else []
        if not choices:
            return ""
        choice = choices[0]
        result.finish_reason = choice.string("finish_reason", default=result.finish_reason, limit=NAME_LIMIT)
        return _read_text(choice.child("delta", required="delta" in choice))

    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        """Read `{"error": {"message", "type", "param", "code"}}`."""
        return self._read_error(parse_json_error(content), status=status, headers=headers)

    def _read_reported_error(self, document: dict[str, Any]) -> ProviderError:
        """Return the error of a stream that has begun, which has no status of its own."""
        error = document["error"]
        if not isinstance(error, dict | str):
            raise UnreadableError("`error` is not an object")
        fields = as_object(error)
        status = status_of_code(fields.get("code"), fields.get("type"), document.get("code"), default=200)
        return self._read_error(document, status=status, headers={})

    def _read_error(self, document: dict[str, Any], *, status: int, headers: dict[str, str]) -> ProviderError:
        error = as_object(document.get("error"))
        kind, code = error.get("type"), error.get("code")
        return classify_error(
            # Some servers have the message in the place of the error, or beside it.
            error.get("message") or (document.get("error") if not error else None) or document.get("message"),
            provider=self,
            status=status,
            code=code if code is not None else kind,
            request_id=headers.get("x-request-id"),
            retry_after=parse_retry_after(headers),
            out_of_quota=status_of_code(kind, default=status) == 402,
        )


def _find_piece(document: dict[str, Any], model: str) -> str | None:
    """Return the text of a chunk in which there is nothing else to read, which most are; None for any other."""
    try:
        (choice,) = document["choices"]
        text = choice["delta"]["content"]
        is_all = document["model"] == model and not document.get("usage") and choice.get("finish_reason") is None
    except (KeyError, TypeError, ValueError):
        return None
    return text if is_all and type(text) is str and text else None


def _read_text(message: Reader) -> str:
    """Return the text of a message or of a delta: a string, or a list of parts, some of which may be thoughts."""
    if isinstance(message.document.get("content"), list):
        return "".join(message.items("content", _read_part))
    content = message.text("content") if "content" in message else ""
    return content or message.text("refusal", default="")


def _read_part(part: Reader) -> str:
    kind = part.string("type", default="text")
    if kind == "refusal":
        return part.text("refusal")
    return part.text("text") if kind in _TEXT_PARTS else ""
