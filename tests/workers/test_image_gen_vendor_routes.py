"""`POST /v1/images/generations` on the runtime, where OpenAI's response passes without Python."""

from base64 import b64decode

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform

PATH = "/v1/images/generations"


def test_openais_images_pass(platform: Platform, emulators: Emulators) -> None:
    answer = platform.client("image-gen").post(PATH, json={"model": "gpt-image-2", "prompt": "A cat", "n": 2})

    assert answer.status_code == 200, answer.text
    assert [b64decode(image["b64_json"])[:4] for image in answer.json()["data"]] == [b"\x89PNG"] * 2
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["provider"], row["unit"], row["output_units"]) == ("openai", "images", 2)
    assert len(emulators.requests("openai")) == 1


def test_links_lead_to_stored_images(platform: Platform) -> None:
    client = platform.client("image-gen")

    answer = client.post(PATH, json={"model": "ideogram:v3", "prompt": "A cat", "response_format": "url"})

    (image,) = answer.json()["data"]
    assert client.get(image["url"]).headers["Content-Type"] == "image/png"


@pytest.mark.parametrize("fault", ["cut", "truncate"])
def test_interrupted_images_are_no_success(platform: Platform, emulators: Emulators, fault: str) -> None:
    emulators.add_fault("openai", kind=fault)

    with pytest.raises(Exception, match=r"peer closed|incomplete|JSON|Expecting|Unterminated"):
        platform.client("image-gen").post(PATH, json={"model": "gpt-image-2", "prompt": "A cat"}).json()


def test_stream_costs_the_tokens_of_all_its_images(platform: Platform) -> None:
    client, body = platform.client("image-gen"), {"model": "gpt-image-2", "prompt": "A cat", "quality": "low", "n": 2}
    whole = client.post(PATH, json=body)
    usage = whole.json()["usage"]

    answer = client.post(PATH, json={**body, "stream": True, "partial_images": 1})

    assert answer.text.count('"usage"') == 2
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert row["output_units"] == 2
    (other,) = platform.usage_rows(whole.headers["X-Request-ID"])
    assert other["estimated_cost_microusd"] == usage["input_tokens"] * 5 + usage["output_tokens"] * 30
    # Each image tells the tokens of the prompt.
    assert row["estimated_cost_microusd"] == other["estimated_cost_microusd"] + usage["input_tokens"] * 5
