"""Who may use the emulators and their control routes."""

import httpx2
import pytest

from tests.emulators.app import create_app

OWN = {"Host": "127.0.0.1:8788"}


async def status_of(path: str, headers: dict[str, str]) -> int:
    transport = httpx2.ASGITransport(app=create_app([]))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8788") as client:
        return (await client.get(path, headers=headers)).status_code


@pytest.mark.parametrize("origin", [None, "http://localhost:3000", "http://127.0.0.1:8787", "http://[::1]"])
@pytest.mark.parametrize("host", ["127.0.0.1:8788", "localhost:8788", "[::1]:8788"])
async def test_emulators_take_requests_of_this_machine(host: str, origin: str | None) -> None:
    assert await status_of("/", {"Host": host} | ({"Origin": origin} if origin else {})) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:8788"},
        {"Host": "[foo]"},
        {"Host": "localhost.evil.example"},
        {**OWN, "Origin": "https://evil.example"},
        {**OWN, "Origin": "null"},
        {**OWN, "Origin": "https://127.0.0.1@evil.example"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/anthropic/_emulator/faults"])
async def test_emulators_refuse_another_host_or_origin(path: str, headers: dict[str, str]) -> None:
    assert await status_of(path, headers) == 403
