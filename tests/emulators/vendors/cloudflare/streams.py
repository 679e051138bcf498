"""Requests to deployed Workers, whose responses are read while they arrive."""

import queue
import socket
import threading
import time
from concurrent.futures import Future
from contextlib import suppress

import httpx2

_BUFFERED_CHUNKS = 16
_UNREAD_SECONDS = 60.0
"""How long a Worker may wait for a caller that does not read."""

_client = httpx2.Client(timeout=None, trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0))


class Exchange:
    """A request that a thread sends; `head` is the response, whose body comes from `read`."""

    def __init__(self, request: httpx2.Request) -> None:
        self.head: Future[httpx2.Response] = Future()
        self._request = request
        self._chunks: queue.Queue[bytes | Exception] = queue.Queue(_BUFFERED_CHUNKS)
        self._closed = threading.Event()
        # A daemon, because a Worker that never responds must not delay the end of the emulators.
        threading.Thread(target=self._run, daemon=True).start()

    def read(self, *, timeout: float) -> bytes:
        """Return the next part of the body as it is on the wire, or nothing at its end.

        Raises `TimeoutError` if none comes in this many seconds, `httpx2.TransportError` if the Worker has gone.
        """
        try:
            chunk = self._chunks.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    def close(self) -> None:
        """Disconnect from the Worker; whoever waits in `read` gets nothing more."""
        self._closed.set()
        if self.head.done() and self.head.exception() is None:
            stream = self.head.result().extensions["network_stream"]
            with suppress(OSError):
                # A mere `close` would not wake the thread that reads.
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        with suppress(queue.Full):
            self._chunks.put_nowait(b"")

    def _run(self) -> None:
        try:
            response = _client.send(self._request, stream=True)
        except Exception as error:  # noqa: BLE001 - raised again by `head.result()`
            self.head.set_exception(error)
            return
        self.head.set_result(response)
        try:
            # Raw, so that a compressed body stays compressed.
            for chunk in response.iter_raw():
                self._put(chunk)
            self._put(b"")
        except Exception as error:  # noqa: BLE001 - raised again by `read`
            self._put(error)
        finally:
            response.close()

    def _put(self, chunk: bytes | Exception) -> None:
        deadline = time.monotonic() + _UNREAD_SECONDS
        while not self._closed.is_set():
            with suppress(queue.Full):
                self._chunks.put(chunk, timeout=1)
                return
            if time.monotonic() > deadline:
                self.close()


def is_alive(url: str, *, seconds: float) -> bool:
    """Return whether a workerd responds in time, which it does unless a Worker blocks it."""
    try:
        _client.send(httpx2.Request("GET", url, headers={"host": "pulse"}, extensions={"timeout": {"read": seconds}}))
    except httpx2.TransportError:
        return False
    return True
