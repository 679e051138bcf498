"""The conversation of Chat Completions: its checks, its tokens, and what the emulated model reads of it."""

from collections.abc import Iterator, Sequence
from itertools import takewhile

from pydantic_core import to_json

from ...scripts import Turn
from ...text import count_tokens
from .http import InvalidRequestError
from .media import count_file, count_image
from .requests import TOKENS_PER_MESSAGE, ChatRequest, Message, Part, text_of

_PARTS = {
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
    "system": ("text",),
    "developer": ("text",),
    "tool": ("text",),
    "function": ("text",),
}


def check_messages(messages: Sequence[Message]) -> None:
    """Check the messages one by one, and that each call has its result right behind it."""
    if not messages:
        message = (
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."
        )
        raise InvalidRequestError(message, param="messages", code="empty_array")
    for at, entry in enumerate(messages):
        if entry.content is None and not (entry.role == "assistant" and (entry.tool_calls or _has_refusal(entry))):
            message = "Invalid value for 'content': expected a string, got null."
            raise InvalidRequestError(message, param=f"messages.[{at}].content")
        _check_parts(entry, at)
    _check_calls(messages)


def split_chat(request: ChatRequest) -> list[tuple[str, int]]:
    """Return the text and the tokens of each tool and of each message, in the order in which a model reads them."""
    segments = [(text := to_json(tool).decode(), count_tokens(text)) for tool in request.tools or []]
    for at, message in enumerate(request.messages):
        tokens = TOKENS_PER_MESSAGE + count_tokens(text_of(message.content))
        tokens += sum(count_tokens(call.name + call.written) for call in message.tool_calls or [])
        tokens += sum(
            _count_part(part, f"messages[{at}].content[{number}]") for number, part in enumerate(message.parts)
        )
        segments.append((message.model_dump_json(exclude_none=True), tokens))
    return segments


def read_turns(messages: Sequence[Message]) -> list[Turn]:
    """Return what the user and the model said in turns; results of tools count as the user's."""
    turns: list[Turn] = []
    results: list[str] = []
    for message in messages:
        text = text_of(message.content)
        match message.role:
            case "tool" | "function":
                results.append(text)
            case "user":
                turns.append(Turn("user", text, tuple(results)))
                results = []
            case "assistant":
                if results:
                    turns.append(Turn("user", "", tuple(results)))
                    results = []
                turns.append(Turn("assistant", text, calls=tuple(call.name for call in message.tool_calls or [])))
    if results:
        turns.append(Turn("user", "", tuple(results)))
    return turns


def _has_refusal(message: Message) -> bool:
    return bool((message.model_extra or {}).get("refusal") or (message.model_extra or {}).get("audio"))


def _check_parts(message: Message, at: int) -> None:
    for number, part in enumerate(message.content if isinstance(message.content, list) else []):
        where = f"messages[{at}].content[{number}]"
        if message.role != "user" and part.type == "image_url":
            problem = (
                f"Invalid 'messages[{at}]'. Image URLs are only allowed for messages with role 'user', but this "
                f"message with role '{message.role}' contains an image URL."
            )
            raise InvalidRequestError(problem, param=f"messages[{at}]", code="invalid_value")
        allowed = _PARTS[message.role]
        if part.type not in allowed:
            supported = " and ".join(f"'{name}'" for name in allowed)
            problem = f"Invalid value: '{part.type}'. Supported values are: {supported}."
            raise InvalidRequestError(problem, param=f"{where}.type", code="invalid_value")
        if part.type == "text" and part.text is None:
            problem = f"Missing required parameter: '{where}.text'."
            raise InvalidRequestError(problem, param=f"{where}.text", code="missing_required_parameter")


def _count_part(part: Part, where: str) -> int:
    match part.type:
        case "image_url":
            image = part.image_url if isinstance(part.image_url, dict) else {}
            return count_image(image.get("url"), image.get("detail"), param=f"{where}.image_url.url")
        case "file":
            return count_file(part.file, param=f"{where}.file")
        case "input_audio":
            message = "Invalid content type. Audio input is not supported with this model."
            raise InvalidRequestError(message, param=where, code="unsupported_value")
    return 0


def _check_calls(messages: Sequence[Message]) -> None:
    answered: set[int] = set()
    for at, message in enumerate(messages):
        if message.tool_calls:
            following = list(takewhile(lambda entry: entry.role == "tool", messages[at + 1 :]))
            answered.update(range(at + 1, at + 1 + len(following)))
            _check_results([call.id for call in message.tool_calls], following, at)
        elif message.role == "tool" and at not in answered:
            problem = (
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                "'tool_calls'."
            )
            raise InvalidRequestError(problem, param=f"messages.[{at}].role")


def _check_results(ids: Sequence[str], following: Sequence[Message], at: int) -> None:
    for number, message in enumerate(following, at + 1):
        if message.tool_call_id is None:
            problem = "Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id'."
            raise InvalidRequestError(problem, param=f"messages.[{number}].tool_call_id")
        if message.tool_call_id not in ids:
            problem = (
                f"Invalid parameter: 'tool_call_id' of '{message.tool_call_id}' not found in 'tool_calls' of previous "
                "message."
            )
            raise InvalidRequestError(problem, param=f"messages.[{number}].tool_call_id")
    if missing := list(_missing(ids, {message.tool_call_id for message in following})):
        problem = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(missing)}"
        )
        raise InvalidRequestError(problem, param=f"messages.[{at + 1 + len(following)}].role")


def _missing(ids: Sequence[str], found: set[str | None]) -> Iterator[str]:
    return (call_id for call_id in ids if call_id not in found)
