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
