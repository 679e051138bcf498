"""Conversations with tools through the official `anthropic` SDK: the emulated models follow their scripts."""

import json
from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import beta_tool
from anthropic.types import InputJSONDelta, Message, MessageParam, ToolParam, ToolUseBlock

from tests.emulators.process import Emulators

MODEL = "claude-sonnet-4-6"

TOOLS: list[ToolParam] = [
    {"name": name, "description": f"Emulates `{name}`", "input_schema": {"type": "object"}}
    for name in ("list_files", "read_file", "write_file", "edit_file", "delete_file", "check", "run", "finish")
]

Files = dict[str, str]
Result = tuple[str, bool]


def use_tool(files: Files, block: ToolUseBlock) -> Result:
    """Return the result of a tool on files in memory, and whether it is an error, as a sandbox would."""
    given: dict[str, Any] = dict(block.input)
    path = given.get("path", "")
    if path.startswith(("/", ".")):
        return f"`{path}` is not allowed", True
    match block.name:
        case "write_file" if "content" in given:
            files[path] = given["content"]
        case "list_files":
            return "\n".join(sorted(files)), False
        case "read_file" if path in files:
            return files[path], False
        case "edit_file" if given["old"] in files.get(path, ""):
            files[path] = files[path].replace(given["old"], given["new"])
        case "delete_file" if path in files:
            del files[path]
        case "run":
            broken = any(word in text for text in files.values() for word in ("throw new", "while (true)"))
            return ("Error" if broken else "200"), broken
        case "check" | "finish":
            pass
        case _:
            return f"{block.name} cannot do that", True
    return "done", False


def tool_uses_of(message: Message) -> list[ToolUseBlock]:
    return [block for block in message.content if isinstance(block, ToolUseBlock)]


def tool_results(uses: list[ToolUseBlock], use: Callable[[ToolUseBlock], Result]) -> MessageParam:
    results = [(block.id, *use(block)) for block in uses]
    return {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": id_, "content": content, "is_error": failed}
            for id_, content, failed in results
        ],
    }


def converse(
    anthropic_client: anthropic.Anthropic, task: str, files: Files | None = None, *, turns: int = 12, **options: Any
) -> list[Message]:
    """Return the model's messages until it finishes, responds without tools, or has had `turns` turns."""
    files = {} if files is None else files
    options = {"model": MODEL, "max_tokens": 2000, "tools": TOOLS, **options}
    messages: list[MessageParam] = [{"role": "user", "content": task}]
    replies: list[Message] = []
    while len(replies) < turns:
        message = anthropic_client.messages.create(messages=messages, **options)
        replies.append(message)
        uses = tool_uses_of(message)
        if not uses or any(block.name == "finish" for block in uses):
            break
        messages += [
            {"role": "assistant", "content": message.content},
            tool_results(uses, lambda block: use_tool(files, block)),
        ]
    return replies


def tool_names_of(replies: list[Message]) -> list[str]:
    return ["+".join(block.name for block in tool_uses_of(message)) or str(message.stop_reason) for message in replies]


@pytest.mark.parametrize(
    ("task", "tools"),
    [
        ("Make a greeter", "write_file check run finish"),
        ("Make a Python greeter", "write_file check finish"),
        ("Make a counter that throws", "write_file run edit_file run finish"),
        ("Make an endless loop", "write_file run write_file run finish"),
        ("Please rename the title to `Hats`", "list_files read_file edit_file edit_file finish"),
        ("Please delete `old.txt`", "list_files delete_file finish"),
        ("Try to escape", "write_file write_file write_file write_file finish"),
        ("Do two at once", "write_file+write_file check+run finish"),
        ("Use an unknown tool", "search_the_web finish"),
        ("Give a long answer", "write_file write_file finish"),
        ("Please refuse", "refusal"),
        ("Answer with only text", "end_turn"),
        ("Anything else", "write_file check run finish"),
    ],
)
def test_script_when_the_task_names_it_then_its_tools_in_order(
    anthropic_client: anthropic.Anthropic, task: str, tools: str
) -> None:
    replies = converse(anthropic_client, task, {"README.md": "Some\n\n# Old hats\n\nText\n", "old.txt": ""})

    assert tool_names_of(replies) == tools.split()
    assert {message.stop_reason for message in replies[1:-1]} <= {"tool_use"}


def test_files_when_the_scripts_are_done_then_as_requested(anthropic_client: anthropic.Anthropic) -> None:
    files = {"README.md": "# Old hats\n\nText\n", "old.txt": "", "kept.txt": ""}
    converse(anthropic_client, "Please rename the title to `New hats`", files)
    converse(anthropic_client, "Please delete `old.txt`", files)
    converse(anthropic_client, "Make a counter that throws", files)

    assert files.keys() == {"README.md", "kept.txt", "src/index.js"}
    assert files["README.md"] == "# New hats\n\nText\n"
    assert "Response.json({ count })" in files["src/index.js"] and "throw" not in files["src/index.js"]
    assert "emulated model" in files["src/index.js"]


def test_escape_when_refused_then_the_summary_counts_the_writes(anthropic_client: anthropic.Anthropic) -> None:
    files: Files = {}
    (finish,) = tool_uses_of(converse(anthropic_client, "Try to escape", files)[-1])

    assert finish.input["summary"] == "4 of 4 writes were refused (emulated)"
    assert not files


def test_default_when_the_task_has_quotes_then_they_are_removed(anthropic_client: anthropic.Anthropic) -> None:
    files: Files = {}
    converse(anthropic_client, 'Say "hello" to `everybody` for $5, it\'s \\fine\nplease', files)

    assert 'An emulated model was asked: Say hello to everybody for 5, its fine please");' in files["src/index.js"]


@pytest.mark.parametrize(("task", "tool"), [("It never works", "write_file"), ("It wanders", "list_files")])
def test_script_when_it_never_ends_then_the_turn_limit_ends_it(
    anthropic_client: anthropic.Anthropic, task: str, tool: str
) -> None:
    files: Files = {}
    replies = converse(anthropic_client, task, files, turns=9)

    assert tool_names_of(replies)[::2] == [tool] * 5
    assert {message.stop_reason for message in replies} == {"tool_use"}
    assert task == "It wanders" or "turn 9 does not work either" in str(tool_uses_of(replies[-1])[0].input["content"])


def test_refusal_when_scripted_then_in_the_vendors_format(anthropic_client: anthropic.Anthropic) -> None:
    (message,) = converse(anthropic_client, "Please refuse")

    assert message.stop_reason == "refusal"
    assert message.stop_details is not None and message.stop_details.type == "refusal"


@pytest.mark.parametrize("streamed", [False, True])
def test_tool_use_when_cut_off_then_only_its_complete_fields(
    anthropic_client: anthropic.Anthropic, streamed: bool
) -> None:
    options: Any = {"model": MODEL, "max_tokens": 500, "tools": TOOLS}
    messages: list[MessageParam] = [{"role": "user", "content": "Give a long answer"}]
    if streamed:
        with anthropic_client.messages.stream(messages=messages, **options) as stream:
            message: Message = stream.get_final_message()
    else:
        message = anthropic_client.messages.create(messages=messages, **options)
    (block,) = tool_uses_of(message)

    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 500)
    assert (block.name, block.input) == ("write_file", {"path": "src/index.js"})


def test_stream_when_tools_are_used_then_same_message_as_create(anthropic_client: anthropic.Anthropic) -> None:
    options: Any = {"model": MODEL, "max_tokens": 2000, "tools": TOOLS}
    messages: list[MessageParam] = [{"role": "user", "content": "Do two at once"}]
    created = anthropic_client.messages.create(messages=messages, **options)
    with anthropic_client.messages.create(messages=messages, stream=True, **options) as events:
        raw = list(events)
    with anthropic_client.messages.stream(messages=messages, **options) as stream:
        streamed = stream.get_final_message()

    starts = [event.content_block for event in raw if event.type == "content_block_start"]
    assert [block.type for block in starts] == ["text", "tool_use", "tool_use"]
    assert [block.input for block in starts if isinstance(block, ToolUseBlock)] == [{}, {}]
    parts: list[list[str]] = [[], [], []]
    for event in raw:
        if event.type == "content_block_delta" and isinstance(event.delta, InputJSONDelta):
            parts[event.index].append(event.delta.partial_json)
    assert len(parts[1]) > 5 and parts[1][0] == ""
    inputs = [block.input for block in tool_uses_of(created)]
    assert [json.loads("".join(part)) for part in parts[1:]] == inputs
    assert [block.input for block in tool_uses_of(streamed)] == inputs
    assert (streamed.stop_reason, streamed.usage) == (created.stop_reason, created.usage)


def test_tool_runner_when_given_functions_then_runs_to_the_end(anthropic_client: anthropic.Anthropic) -> None:
    files: Files = {}
    done: list[str] = []

    @beta_tool
    def write_file(path: str, content: str) -> str:
        """Write a file."""
        files[path] = content
        return "written"

    @beta_tool
    def check() -> str:
        """Check the files."""
        return "no problems"

    @beta_tool
    def run(requests: list[dict[str, Any]]) -> str:
        """Run the files."""
        return json.dumps([{"path": request["path"], "status": 200} for request in requests])

    @beta_tool
    def finish(summary: str, main: str) -> str:
        """End the task."""
        done.append(f"{main}: {summary}")
        return "finished"

    runner = anthropic_client.beta.messages.tool_runner(
        model=MODEL,
        max_tokens=2000,
        tools=[write_file, check, run, finish],
        messages=[{"role": "user", "content": "Make a greeter"}],
        # The emulator does not support threads, a beta in which the vendor stores the conversation.
        thread=False,
    )
    last = runner.until_done()

    assert "hello:" in files["src/index.js"]
    assert done == ["src/index.js: A Worker that greets (emulated)"]
    assert last.stop_reason == "end_turn"
    assert [block.text for block in last.content if block.type == "text"] == [
        f"[emulated {MODEL}] The script of this task is at its end."
    ]


def test_message_when_no_tool_can_be_used_then_it_is_text(anthropic_client: anthropic.Anthropic) -> None:
    weather: ToolParam = {"name": "get_weather", "input_schema": {"type": "object"}}

    assert tool_names_of(converse(anthropic_client, "Make a greeter", tools=[weather])) == ["end_turn"]
    assert tool_names_of(converse(anthropic_client, "Make a greeter", tool_choice={"type": "none"})) == ["end_turn"]


def test_tool_choice_when_it_forces_a_tool_then_a_valid_input(anthropic_client: anthropic.Anthropic) -> None:
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}, "days": {"type": "integer"}},
        "required": ["city", "unit"],
    }
    weather: ToolParam = {"name": "get_weather", "input_schema": schema}

    for choice in ({"type": "any"}, {"type": "tool", "name": "get_weather"}):
        (message,) = converse(anthropic_client, "How is the weather?", tools=[weather], tool_choice=choice, turns=1)
        (use,) = tool_uses_of(message)
        assert (use.name, set(use.input), use.input["unit"]) == ("get_weather", {"city", "unit"}, "C")
        assert use.input["city"]
    one = {"type": "auto", "disable_parallel_tool_use": True}
    assert tool_names_of(converse(anthropic_client, "Do two at once", tool_choice=one, turns=1)) == ["write_file"]


def test_thinking_when_sent_back_then_only_with_its_signature(
    anthropic_client: anthropic.Anthropic,
) -> None:
    replies = converse(anthropic_client, "Make a greeter", model="claude-opus-5-5")

    assert tool_names_of(replies) == ["write_file", "check", "run", "finish"]
    assert all(message.content[0].type == "thinking" for message in replies)
    forged: Any = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "Zm9yZ2Vk"}]},
        {"role": "user", "content": "Go on"},
    ]
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature` in `thinking` block"):
        anthropic_client.messages.create(model="claude-opus-5-5", max_tokens=50, messages=forged)


def test_count_tokens_when_tools_are_used_then_as_in_the_usage(anthropic_client: anthropic.Anthropic) -> None:
    messages: list[MessageParam] = [{"role": "user", "content": "Make a greeter"}]
    message = anthropic_client.messages.create(model=MODEL, max_tokens=2000, messages=messages, tools=TOOLS)
    messages += [
        {"role": "assistant", "content": message.content},
        tool_results(tool_uses_of(message), lambda _: ("done", False)),
    ]
    counted = [
        anthropic_client.messages.count_tokens(model=MODEL, messages=messages[:1], tools=TOOLS),
        anthropic_client.messages.count_tokens(model=MODEL, messages=messages, tools=TOOLS),
    ]

    assert counted[0].input_tokens == message.usage.input_tokens
    assert counted[1].input_tokens > counted[0].input_tokens + message.usage.output_tokens


MARK: Any = {"cache_control": {"type": "ephemeral"}}


def test_cache_when_conversation_grows_then_reads_earlier_turns(
    anthropic_client: anthropic.Anthropic,
) -> None:
    system: Any = [{"type": "text", "text": "Rules of the growing conversation. " * 200, **MARK}]
    messages: Any = [{"role": "user", "content": [{"type": "text", "text": "Make a greeter", **MARK}]}]
    options: Any = {"model": MODEL, "max_tokens": 2000, "tools": TOOLS, "system": system}
    first = anthropic_client.messages.create(messages=messages, **options)
    del messages[0]["content"][0]["cache_control"]
    result: Any = tool_results(tool_uses_of(first), lambda _: ("done", False))
    result["content"][0] |= MARK
    messages += [{"role": "assistant", "content": first.content}, result]
    second = anthropic_client.messages.create(messages=messages, **options)
    again = anthropic_client.messages.create(messages=messages, **options)

    written = first.usage.cache_creation_input_tokens or 0
    assert (first.usage.input_tokens, first.usage.cache_read_input_tokens) == (0, 0) and written > 1024
    assert second.usage.cache_read_input_tokens == written
    more = second.usage.cache_creation_input_tokens or 0
    assert more > 0 and second.usage.input_tokens == 0
    assert (again.usage.cache_read_input_tokens, again.usage.cache_creation_input_tokens) == (written + more, 0)
    assert anthropic_client.messages.count_tokens(
        model=MODEL, messages=messages, tools=TOOLS, system=system
    ).input_tokens == (written + more)


def test_cache_when_conversations_share_a_prefix_then_reads_it(anthropic_client: anthropic.Anthropic) -> None:
    system: Any = [{"type": "text", "text": "Rules of many conversations. " * 200, **MARK}]
    options: Any = {"model": MODEL, "max_tokens": 50, "system": system}

    def cached_tokens(text: str, **changes: Any) -> tuple[int | None, int | None]:
        messages: Any = [{"role": "user", "content": [{"type": "text", "text": text}]}]
        usage = anthropic_client.messages.create(messages=messages, **{**options, **changes}).usage
        return usage.cache_read_input_tokens, usage.cache_creation_input_tokens

    _, written = cached_tokens("One")
    assert cached_tokens("Two") == (written, 0)
    assert cached_tokens("One", model="claude-opus-4-8") == (0, written)
    assert cached_tokens("One", model="claude-haiku-4-5") == (0, 0), "its minimum is larger"
    assert cached_tokens("One", system="Rules", cache_control={"type": "ephemeral"}) == (0, 0), "too short"


USE: Any = {"type": "tool_use", "id": "toolu_1", "name": "check", "input": {}}
RESULT: Any = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"}
HELLO: Any = {"role": "user", "content": "Hello"}


def alternate_roles(*contents: Any) -> list[Any]:
    return [{"role": "assistant" if at % 2 else "user", "content": content} for at, content in enumerate(contents)]


def build_tools(**fields: Any) -> dict[str, Any]:
    return {"tools": [{"name": "check", "input_schema": {"type": "object"}, **fields}]}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (build_tools(name="check.it"), "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"),
        (build_tools(name="x" * 129), "tools.0.custom.name: String should have at most 128 characters"),
        (build_tools(input_schema={"type": "string"}), "tools.0.custom.input_schema.type: Input should be 'object'"),
        (build_tools(input_schema={}), "tools.0.custom.input_schema.type: Field required"),
        (build_tools(parameters={}), "tools.0.custom.parameters: Extra inputs are not permitted"),
        ({"tools": build_tools()["tools"] * 2}, "tools: Tool names must be unique."),
        ({"tools": [], "tool_choice": {"type": "auto"}}, "tool_choice may only be specified while providing tools."),
        ({"tool_choice": {"type": "tool", "name": "fly"}}, "Tool 'fly' not found in provided tools"),
        ({"tool_choice": {"type": "maybe"}}, "tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'"),
        (
            {"tool_choice": {"type": "any"}, "model": "claude-sonnet-5-5"},
            'tool_choice: type "tool" and "any" are not supported for this model.',
        ),
        (
            {"tool_choice": {"type": "any"}, "thinking": {"type": "adaptive"}},
            "Thinking may not be enabled when tool_choice forces tool use.",
        ),
        (
            {"messages": alternate_roles("Hello", [USE], "Well?")},
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1. Each "
            "`tool_use` block must have a corresponding `tool_result` block in the next message.",
        ),
        (
            {"messages": alternate_roles("Hello", [USE], [{"type": "text", "text": "Well?"}, RESULT])},
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1.",
        ),
        (
            {"messages": alternate_roles("Hello", [USE, {**USE, "id": "toolu_2"}], [RESULT])},
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_2.",
        ),
        (
            {"messages": alternate_roles("Hello", "Hi", [RESULT])},
            "messages.2.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1. Each "
            "`tool_result` block must have a corresponding `tool_use` block in the previous message.",
        ),
        (
            {"messages": alternate_roles("Hello", [USE], [RESULT, RESULT])},
            "messages.2.content.1: each tool_use must have a single result. Found multiple `tool_result` blocks",
        ),
        (
            {"messages": alternate_roles("Hello", [USE], [RESULT], [USE], [RESULT])},
            "messages.3.content.0: `tool_use` ids must be unique",
        ),
        ({"messages": alternate_roles([USE])}, "messages.0: `tool_use` blocks can only be in `assistant` messages"),
        (
            {"messages": alternate_roles("Hello", [RESULT], "Hi")},
            "messages.1: `tool_result` blocks can only be in `user` messages",
        ),
        (
            {"messages": alternate_roles("Hello", [{**USE, "input": "all"}], [RESULT])},
            "messages.1.content.0.tool_use.input: Input should be a valid dictionary",
        ),
        (
            {"messages": alternate_roles("Hello", [USE], [{"type": "tool_result", "content": "done"}])},
            "messages.2.content.0.tool_result.tool_use_id: Field required",
        ),
        (
            {"system": [{"type": "text", "text": "x", **MARK}] * 5},
            "A maximum of 4 blocks with cache_control may be provided. Found 5.",
        ),
        (
            {"system": [{"type": "text", "text": "x", "cache_control": {"type": "for ever"}}]},
            "system.0.text.cache_control.type: Input should be 'ephemeral'",
        ),
    ],
)
def test_create_when_tools_are_used_wrongly_then_400_says_where(
    anthropic_client: anthropic.Anthropic, changes: dict[str, Any], text: str
) -> None:
    request: dict[str, Any] = {"model": MODEL, "messages": [HELLO], **build_tools(), **changes}
    with pytest.raises(anthropic.BadRequestError) as failure:
        anthropic_client.messages.create(max_tokens=50, **request)
    with pytest.raises(anthropic.BadRequestError) as same:
        anthropic_client.messages.count_tokens(**request)

    assert text in str(failure.value.api_message)
    assert failure.value.type == "invalid_request_error"
    assert same.value.api_message == failure.value.api_message


def test_turn_when_read_as_json_then_it_has_text_and_a_tool_use(emulators: Emulators) -> None:
    answered = httpx2.post(
        f"{emulators.url_of('anthropic')}/v1/messages",
        headers={"x-api-key": "any", "anthropic-version": "2023-06-01"},
        json={"model": MODEL, "max_tokens": 2000, "messages": [HELLO], "tools": TOOLS},
    ).json()

    text, use = answered["content"]
    assert text == {"type": "text", "text": f"[emulated {MODEL}] I will write a Worker."}
    assert use["id"].startswith("toolu_") and set(use) == {"type", "id", "name", "input", "caller"}
    assert answered["stop_reason"] == "tool_use"
