"""image-gen: providers that refuse, fail or are interrupted, and files that are lost though they were paid for."""

from typing import Any

import httpx2
import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.variants import PLANTED_SECRET
from tests.workers.shapes import error_of, success_of

MODELS = {"ideogram": "ideogram:v3", "openai": "openai:gpt-image-2"}
TITLES = {"ideogram": "Ideogram", "openai": "OpenAI"}
BOTH = pytest.mark.parametrize("vendor", list(MODELS))
FILES = "/_files/"


def ask(
    platform: Platform, vendor: str = "ideogram", *, prompt: str = "A cat", worker: str = "image-gen", **options: Any
) -> httpx2.Response:
    body = {"prompt": prompt, "model": MODELS[vendor], "options": {"quality": "low", **options}}
    return platform.client(worker).post("/generate", json=body)


def submits(emulators: Emulators, vendor: str) -> int:
    """Return how many generations the vendor was asked for."""
    return len([call for call in emulators.requests(vendor) if call["method"] == "POST"])


def fetches(emulators: Emulators) -> int:
    """Return how many files Ideogram was asked for."""
    return len([call for call in emulators.requests("ideogram") if call["method"] == "GET"])


def paid_error_of(platform: Platform, answer: httpx2.Response, status: int = 502, code: str = "PROVIDER_ERROR") -> str:
    """Return the text of an error that says that the images were paid for, as the ledger does."""
    error = error_of(answer, status, code)
    assert error["details"]["paid"] is True
    assert "charges for it" in error["error"]
    (row,) = platform.usage_rows(error["request_id"])
    assert (row["unit"], row["status"], row["error_code"]) == ("images", status, code)
    assert row["output_units"] == error["details"]["images_made"] > 0
    return str(error["error"])


@BOTH
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"status": 400}, (422, "PROVIDER_REJECTED")),
        ({"status": 404}, (422, "PROVIDER_REJECTED")),
        ({"status": 422}, (422, "PROVIDER_REJECTED")),
        ({"status": 401}, (502, "PROVIDER_AUTH_FAILED")),
        ({"status": 403}, (502, "PROVIDER_AUTH_FAILED")),
        ({"status": 402}, (502, "PROVIDER_QUOTA_EXHAUSTED")),
        ({"status": 429, "retry_after": 60}, (429, "PROVIDER_RATE_LIMIT")),
        ({"status": 500}, (502, "PROVIDER_ERROR")),
        ({"status": 503}, (502, "PROVIDER_ERROR")),
        ({"status": 529}, (502, "PROVIDER_ERROR")),
    ],
    ids=lambda value: str(value["status"]) if isinstance(value, dict) else None,
)
def test_refused_generation_is_not_repeated(
    platform: Platform, emulators: Emulators, vendor: str, fault: dict[str, Any], expected: tuple[int, str]
) -> None:
    emulators.add_fault(vendor, kind="status", **fault)

    answer = ask(platform, vendor)

    error = error_of(answer, *expected)
    assert error["details"]["provider"] == vendor
    assert submits(emulators, vendor) == 1
    assert answer.headers.get("Retry-After") == ("60" if "retry_after" in fault else None)
    (row,) = platform.usage_rows(error["request_id"])
    # A 5xx may come from a gateway, after the work.
    assert (row["output_units"], row["error_code"]) == (int(fault["status"] >= 500), expected[1])


@BOTH
@pytest.mark.parametrize("status", [429, 503])
def test_generation_is_repeated_if_the_provider_asks_for_it(
    platform: Platform, emulators: Emulators, vendor: str, status: int
) -> None:
    emulators.add_fault(vendor, kind="status", status=status, retry_after=0.05)

    success_of(ask(platform, vendor))

    assert submits(emulators, vendor) == 2


@BOTH
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "cut", "after": 0}, "PROVIDER_UNREACHABLE"),
        ({"kind": "cut"}, "PROVIDER_ERROR"),
        ({"kind": "truncate"}, "PROVIDER_ERROR"),
        ({"kind": "broken_json"}, "PROVIDER_ERROR"),
        ({"kind": "empty"}, "PROVIDER_ERROR"),
    ],
    ids=["cut before", "cut", "truncate", "broken_json", "empty"],
)
def test_lost_response_is_not_repeated_and_may_be_paid(
    platform: Platform, emulators: Emulators, vendor: str, fault: dict[str, Any], expected: str
) -> None:
    emulators.add_fault(vendor, **fault)

    error = error_of(ask(platform, vendor, num_images=2), 502, expected)

    assert error["details"]["outcome"] == "unknown"
    assert "may have made the images" in error["error"]
    assert submits(emulators, vendor) == 1
    (row,) = platform.usage_rows(error["request_id"])
    assert row["output_units"] == 2


@BOTH
@pytest.mark.parametrize("fault", [{"kind": "slow_first_byte", "seconds": 5}, {"kind": "stall"}])
def test_slow_generation_is_504_not_repeated_and_counted(
    platform: Platform, emulators: Emulators, vendor: str, fault: dict[str, Any]
) -> None:
    emulators.add_fault(vendor, **fault)

    error = error_of(ask(platform, vendor, worker="image-gen-impatient"), 504, "GATEWAY_TIMEOUT")

    assert error["details"]["outcome"] == "unknown"
    assert submits(emulators, vendor) == 1
    (row,) = platform.usage_rows(error["request_id"])
    assert row["output_units"] == 1


@BOTH
def test_redirect_of_a_generation_is_not_followed(platform: Platform, emulators: Emulators, vendor: str) -> None:
    emulators.add_fault(vendor, kind="redirect")

    error_of(ask(platform, vendor), 502, "PROVIDER_ERROR")

    assert submits(emulators, vendor) == 1


@BOTH
def test_provider_when_unreachable_then_502(platform: Platform, vendor: str) -> None:
    answer = ask(platform, vendor, worker="image-gen-unreachable")

    error = error_of(answer, 502, "PROVIDER_UNREACHABLE")
    assert f"{TITLES[vendor]} cannot be reached" in error["error"]
    assert "127.0.0.1" not in answer.text


@BOTH
def test_refused_secret_is_502_and_never_shown(platform: Platform, vendor: str) -> None:
    answer = ask(platform, vendor, worker="image-gen-with-wrong-keys")

    error_of(answer, 502, "PROVIDER_AUTH_FAILED")
    assert PLANTED_SECRET not in answer.text + platform.logged()


@BOTH
def test_prompt_that_fails_the_safety_check_is_not_counted(platform: Platform, vendor: str) -> None:
    error = error_of(ask(platform, vendor, prompt="[unsafe]"), 422, "PROVIDER_REJECTED")

    assert "safety" in error["error"]
    (row,) = platform.usage_rows(error["request_id"])
    assert row["output_units"] == 0


def test_withheld_image_is_422_and_counted(platform: Platform, emulators: Emulators) -> None:
    error = error_of(ask(platform, prompt="[unsafe-image]", num_images=2), 422, "PROVIDER_REJECTED")

    assert error["error"] == "The image failed Ideogram's safety check and was withheld; change the prompt"
    assert error["details"]["images_made"] == 2
    assert fetches(emulators) == 0
    (row,) = platform.usage_rows(error["request_id"])
    assert row["output_units"] == 2


def test_expired_link_is_502_that_says_it_is_paid(platform: Platform, emulators: Emulators) -> None:
    text = paid_error_of(platform, ask(platform, prompt="[expired]"))

    assert "its link was answered with 403" in text
    assert (submits(emulators, "ideogram"), fetches(emulators)) == (1, 1)


def test_file_on_a_foreign_host_is_not_fetched(platform: Platform, emulators: Emulators) -> None:
    answer = ask(platform, prompt="[foreign]")

    assert "does not lead to Ideogram" in paid_error_of(platform, answer)
    assert "images.example" not in answer.text
    assert fetches(emulators) == 0


def test_file_that_is_not_an_image_is_lost_whatever_its_type(platform: Platform) -> None:
    text = paid_error_of(platform, ask(platform, prompt="[no-image]"))

    assert "Ideogram's file is not an image: it is not a PNG, JPEG or WebP" in text


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "empty"}, "not a PNG, JPEG or WebP"),
        ({"kind": "truncate"}, "cut short"),
        ({"kind": "cut"}, "was interrupted"),
        ({"kind": "redirect"}, "answered with 307"),
        ({"kind": "redirect", "location": "http://127.0.0.1:9/"}, "answered with 307"),
        ({"kind": "status", "status": 404}, "answered with 404"),
        ({"kind": "status", "status": 500, "times": 3}, "answered with 500"),
    ],
    ids=["empty", "truncate", "cut", "redirect", "redirect elsewhere", "404", "500"],
)
def test_lost_file_is_502_with_the_reason_and_paid(
    platform: Platform, emulators: Emulators, fault: dict[str, Any], reason: str
) -> None:
    emulators.add_fault("ideogram", path_contains=FILES, **fault)

    assert reason in paid_error_of(platform, ask(platform))
    assert submits(emulators, "ideogram") == 1


def test_file_when_it_stalls_then_504_says_that_it_is_paid(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("ideogram", kind="stall", path_contains=FILES)

    paid_error_of(platform, ask(platform, worker="image-gen-impatient"), 504, "GATEWAY_TIMEOUT")


@pytest.mark.parametrize("fault", [{"kind": "cut", "after": 0}, {"kind": "status", "status": 503}])
def test_file_when_it_fails_once_then_it_is_fetched_again(
    platform: Platform, emulators: Emulators, fault: dict[str, Any]
) -> None:
    emulators.add_fault("ideogram", path_contains=FILES, **fault)

    success_of(ask(platform))

    assert (submits(emulators, "ideogram"), fetches(emulators)) == (1, 2)


@BOTH
def test_too_large_file_is_502_that_says_it_is_paid(platform: Platform, vendor: str) -> None:
    answer = ask(platform, vendor, worker="image-gen-of-small-files")

    assert "larger than 1000 bytes" in paid_error_of(platform, answer)


def test_one_lost_file_leaves_the_others_and_a_warning(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("ideogram", kind="status", status=404, path_contains=FILES)

    body = success_of(ask(platform, num_images=3))

    assert len(body["images"]) == 2
    assert body["image_url"] == body["images"][0]["image_url"]
    (warning,) = body["metadata"]["warnings"]
    assert warning.startswith("1 of 3 images is missing, though Ideogram made it and charges for it: ")
    (row,) = platform.usage_rows(body["request_id"])
    assert (row["output_units"], row["status"]) == (3, 200)
    assert platform.log_lines(body["request_id"], event="image_lost")


def test_file_is_fetched_without_credentials(platform: Platform, emulators: Emulators) -> None:
    success_of(ask(platform))

    submit, fetch = emulators.requests("ideogram")
    assert submit["headers"]["content-type"].startswith("multipart/form-data; boundary=")
    assert "api-key" in submit["headers"]
    assert not {"api-key", "authorization", "cookie"} & fetch["headers"].keys()
