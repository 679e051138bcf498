"""`git clone http://127.0.0.1:8800/github/<owner>/<name>.git`: the smart protocol, for public repositories, read-only.

Source: https://git-scm.com/docs/http-protocol.
"""

import gzip
from io import BytesIO

from dulwich.protocol import ReceivableProtocol
from dulwich.server import BackendRepo, DictBackend, UploadPackHandler

from ...vendor import Call, Response, Route
from .http import refuse
from .store import STORE

_SERVICE = "git-upload-pack"


def advertise(call: Call) -> Response:
    """Return the refs, with which a clone begins."""
    if call.query_value("service") != _SERVICE:
        refuse(403, "The emulator does not accept a push over HTTP: push to its folder on disk.")
    return _run_upload_pack(call, b"", advertise_refs=True)


def upload_pack(call: Call) -> Response:
    """Return the objects that the client requests."""
    body = gzip.decompress(call.body) if call.headers.get("content-encoding") == "gzip" else call.body
    return _run_upload_pack(call, body, advertise_refs=False)


def _run_upload_pack(call: Call, body: bytes, *, advertise_refs: bool) -> Response:
    owner, name = call.params["owner"], call.params["name"]
    if not STORE.exists(owner, name):
        refuse(404)
    written = BytesIO()
    with STORE.open(owner, name) as repository:
        if repository.details["private"]:
            refuse(404)
        protocol = ReceivableProtocol(BytesIO(body).read, written.write)
        repositories: dict[str, BackendRepo] = {"/": repository.git}
        handler = UploadPackHandler(
            DictBackend(repositories), ["/"], protocol, stateless_rpc=True, advertise_refs=advertise_refs
        )
        if advertise_refs:
            protocol.write_pkt_line(f"# service={_SERVICE}\n".encode())
            protocol.write_pkt_line(None)
        handler.handle()
    kind = "advertisement" if advertise_refs else "result"
    headers = [
        (b"content-type", f"application/x-{_SERVICE}-{kind}".encode()),
        (b"cache-control", b"no-cache"),
    ]
    return Response(200, headers, [written.getvalue()])


routes = (
    Route("GET", "/{owner}/{name}.git/info/refs", advertise),
    Route("POST", f"/{{owner}}/{{name}}.git/{_SERVICE}", upload_pack),
)
