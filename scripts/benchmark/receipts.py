"""What callers were promised during `npm run bench:kill`, and whether it still holds after a restart.

Each kind of request has a class. `send` makes one request and keeps a receipt of what the platform acknowledged; a
request that the kill interrupts has none. `check` asks for what a receipt promises.
"""

from __future__ import annotations

import json
import re
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import httpx2

RENDER_SECONDS = 60
_SMALL = {"format": "mp4", "size": {"width": 160, "height": 90}, "fps": 12}
_NUMBER = re.compile(r"number (\d+)\.")


class RefusedError(Exception):
    """A response that is no success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the request with a number was promised, and when (seconds since the epoch)."""

    number: int
    promised: Any
    at: float


@dataclass(slots=True)
class Kind(ABC):
    """One kind of request, sent with one API key. `paid` counts the provider's requests by the number in their text.

    `price` is how many such requests one of ours takes.
    """

    title: ClassVar[str]
    worker: ClassVar[str]
    provider: ClassVar[str | None] = None
    price: ClassVar[int] = 1
    key: str
    receipts: list[Receipt] = field(default_factory=list)
    paid: Counter[int] = field(default_factory=Counter)
    sent: int = 0

    def send(self, client: httpx2.Client) -> None:
        """Send the next request. Raises `RefusedError`, and httpx2.TransportError if the worker ends meanwhile."""
        self.sent += 1
        number = self.sent
        promised = self.call(client, number)
        if promised is not None:
            self.receipts.append(Receipt(number=number, promised=promised, at=time.time()))

    def count_paid(self, requests: Iterable[Mapping[str, Any]]) -> None:
        """Take note of what the provider has received."""
        for request in requests:
            if request["method"] == "POST" and (found := _NUMBER.search(json.dumps(request["body"]))):
                self.paid[int(found[1])] += 1

    def post(self, client: httpx2.Client, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a response's body. Raises `RefusedError`."""
        response = client.post(path, json=body, headers=self.headers)
        if response.is_error:
            raise RefusedError(f"{path}: {response.status_code} {response.text[:500]}")
        document: dict[str, Any] = response.json()
        return document

    @property
    def headers(self) -> dict[str, str]:
        """The headers with the key."""
        return {"Authorization": f"Bearer {self.key}"}

    @abstractmethod
    def call(self, client: httpx2.Client, number: int) -> Any:
        """Send a request whose text has the number; return what the response promises, None for nothing."""

    @abstractmethod
    def check(self, client: httpx2.Client, receipt: Receipt) -> str | None:
        """Return what is wrong with what the receipt promises, None if nothing is. Raises `RefusedError`."""


class Texts(Kind):
    """Each acknowledged text has a row in the usage ledger, which is looked for at the end."""

    title = "texts"
    worker = "text-gen"

    def call(self, client: httpx2.Client, number: int) -> Any:
        """Ask for a text; the promise is the id under which it is in the ledger."""
        response = client.post("/generate", json={"prompt": f"Prompt number {number}."}, headers=self.headers)
        if response.status_code == httpx2.codes.TOO_MANY_REQUESTS:
            time.sleep(0.1)
            return None
        if response.is_error:
            raise RefusedError(f"/generate: {response.status_code} {response.text[:500]}")
        return response.headers["X-Request-ID"]

    def check(self, client: httpx2.Client, receipt: Receipt) -> str | None:
        """See `Kind.check`."""


class LimitedTexts(Texts):
    """The same with a key that has a limit."""

    title = "texts within a limit"


class Keyed(Kind):
    """Under an `Idempotency-Key` a repetition gets the first answer, and what a kill has interrupted is paid once."""

    path: ClassVar[str]

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self._interrupted: int | None = None

    @abstractmethod
    def write_body(self, number: int) -> dict[str, Any]:
        """Return the body of the request with the number."""

    def call(self, client: httpx2.Client, number: int) -> Any:
        """Send the request, and once more the one that a kill has interrupted; the promise is the answer's text."""
        if self._interrupted is not None:
            self._post(client, self._interrupted)
        self._interrupted = number
        response = self._post(client, number)
        self._interrupted = None
        if response.is_error:
            raise RefusedError(f"{self.path}: {response.status_code} {response.text[:500]}")
        time.sleep(0.02)  # the emulator remembers a hundred requests
        return response.text

    def check(self, client: httpx2.Client, receipt: Receipt) -> str | None:
        """Repeat the request."""
        again = self._post(client, receipt.number)
        if again.text == receipt.promised and again.headers.get("Idempotent-Replayed") == "true":
            return None
        return f"number {receipt.number}: a repetition got {again.status_code} {again.text[:300]}"

    def _post(self, client: httpx2.Client, number: int) -> httpx2.Response:
        headers = {**self.headers, "Idempotency-Key": f"{self.key[-8:]}-{number}"}
        return client.post(self.path, json=self.write_body(number), headers=headers)


class Answers(Keyed):
    """A text."""

    title = "answers under a key"
    worker = "text-gen"
    provider = "openai"
    path = "/generate"

    def write_body(self, number: int) -> dict[str, Any]:
        """See `Keyed.write_body`."""
        return {"prompt": f"Prompt number {number}.", "model": "openai:gpt-4o-mini"}


class Executions(Keyed):
    """An execution whose model answers without files."""

    title = "executions"
    worker = "sandbox-executor"
    provider = "anthropic"
    price = 3  # turns in which the emulated model is asked for files and has only text
    path = "/execute"

    def write_body(self, number: int) -> dict[str, Any]:
        """See `Keyed.write_body`."""
        return {"task": f"only text, number {number}."}


class Speech(Kind):
    """The file that a response names can be fetched."""

    title = "speech"
    worker = "audio-gen"

    def call(self, client: httpx2.Client, number: int) -> Any:
        """Have a sentence spoken."""
        body = self.post(client, "/synthesize", {"text": f"This is sentence number {number}."})
        return httpx2.URL(body["audio_url"]).path, body["metadata"]["size_bytes"]

    def check(self, client: httpx2.Client, receipt: Receipt) -> str | None:
        """Fetch the file."""
        path, size = receipt.promised
        response = client.get(path)
        found = len(response.content)
        return (
            None if (response.status_code, found) == (200, size) else f"{path}: {response.status_code}, {found} bytes"
        )


class Renders(Kind):
    """Each render comes to its end."""

    title = "renders"
    worker = "render-service"
    provider = "shotstack"

    def call(self, client: httpx2.Client, number: int) -> Any:
        """Submit a video of a second."""
        clip = {"asset": {"type": "title", "text": f"Title number {number}."}, "start": 0, "length": 1}
        edit = {"timeline": {"tracks": [{"clips": [clip]}]}, "output": _SMALL}
        render_id = self.post(client, "/render", edit)["render_id"]
        time.sleep(0.5)  # rendering takes more than submitting
        return render_id

    def check(self, client: httpx2.Client, receipt: Receipt) -> str | None:
        """Wait for the end."""
        deadline = time.monotonic() + RENDER_SECONDS
        while True:
            response = client.get(f"/render/{receipt.promised}?wait_seconds=20", headers=self.headers)
            body = response.json()
            if body.get("status") == "done":
                return None
            if response.is_error or body["status"] == "failed" or time.monotonic() > deadline:
                return f"{receipt.promised}: {response.status_code} {response.text[:300]}"
