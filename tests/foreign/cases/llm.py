"""Simon Willison's `llm` with its plugin `llm-anthropic`: the command, and the library it consists of."""

import json
import os
import subprocess
from pathlib import Path

from gateway import SPENT_KEY, add_fault, calls, slow_down, vendor_of

FOLDER = Path(os.environ["HOME"]) / "llm"
os.environ["LLM_USER_PATH"] = str(FOLDER)
FOLDER.mkdir()
# What has no name in llm gets one here: `model_name` is text-gen's.
(FOLDER / "extra-openai-models.yaml").write_text(
    '- model_id: claude-by-chat\n  model_name: "anthropic:claude-sonnet-4-6"\n'
    "  supports_tools: true\n  supports_schema: true\n"
)

import llm  # noqa: E402  # it reads the folder

MODELS = ("gpt-4o-mini", "claude-by-chat", "claude-sonnet-4.6")


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"Snow in {city} at -3 degrees"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does."""
    return subprocess.run(
        ["llm", *arguments], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )


def check_command_and_conversation() -> None:
    first, second = run("-m", "gpt-4o-mini", "Name three rivers"), run("-c", "And three lakes")

    assert "rivers" in first.stdout, first.stderr
    assert second.returncode == 0, second.stderr
    assert "Name three rivers" in json.dumps(calls("openai")[-1]["body"])


def check_command_with_a_wrong_key() -> None:
    result = run("-m", "gpt-4o-mini", "Hello", OPENAI_API_KEY="de_test_wrong")

    assert (result.returncode, "401" in result.stderr) == (1, True)


def check_stream(model: str) -> None:
    response = llm.get_model(model).prompt("Name three rivers")
    pieces = list(response)

    assert "rivers" in "".join(pieces)
    assert len(pieces) > 1
    assert response.usage().output > 0


def check_whole_text(model: str) -> None:
    assert "rivers" in llm.get_model(model).prompt("Name three rivers", stream=False, max_tokens=2000).text()


def check_zero_is_a_temperature() -> None:
    for model in ("gpt-4o-mini", "claude-by-chat"):
        llm.get_model(model).prompt("Hello", temperature=0).text()

        assert calls(vendor_of(model))[-1]["body"]["temperature"] == 0


def check_tools(model: str) -> None:
    answer = llm.get_model(model).chain("How is the weather in Oslo?", tools=[get_weather]).text()

    assert "at -3 degrees" in answer
    assert len(calls(vendor_of(model))) == 2


def check_schema(model: str) -> None:
    schema = llm.schema_dsl("name, length_km int")

    assert json.loads(llm.get_model(model).prompt("Name a river", schema=schema).text()).keys() == {"name", "length_km"}


def check_embeddings() -> None:
    assert len(llm.get_embedding_model("3-small").embed("a river")) == 1536


def check_errors() -> None:
    for model, key, status in (
        ("claude-by-chat", "de_test_wrong", "401"),
        ("claude-sonnet-4.6", "de_test_wrong", "401"),
        ("gpt-4o-mini", SPENT_KEY, "429"),
    ):
        try:
            llm.get_model(model).prompt("Hello", key=key).text()
        except Exception as error:
            assert status in str(error), repr(error)
            continue
        raise AssertionError(f"{status} was not raised")


def check_interrupted_stream(model: str) -> None:
    add_fault(vendor_of(model), kind="cut", after=6)
    slow_down(vendor_of(model), per_frame_ms=5)
    try:
        llm.get_model(model).prompt("Name three rivers").text()
    except Exception as error:
        assert "interrupted" in str(error), repr(error)
        return
    raise AssertionError("half a stream looked whole")
