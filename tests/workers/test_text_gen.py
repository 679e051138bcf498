"""text-gen on workerd, as its callers see it."""

import httpx2
from tests.platform import Platform


def test_generate_when_asked_then_text_and_metadata_come_back(platform: Platform) -> None:
    answer = platform.client("text-gen").post("/generate", json={"prompt": "Hello"})

    body = answer.json()
    assert answer.status_code == 200
    assert body["success"] is True
    assert body["text"].startswith("[emulated claude-sonnet-4-6]")
    assert body["metadata"]["provider"] == "anthropic"
    rows = platform.usage_rows(body["request_id"])
    assert len(rows) == 1
    assert rows[0]["output_units"] == body["metadata"]["output_tokens"]
    assert platform.log_lines(body["request_id"])[0]["status"] == 200
