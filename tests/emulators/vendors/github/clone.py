"""`git clone http://127.0.0.1:8800/github/<owner>/<name>.git`: the smart protocol, for reading public repositories.

Source: https://git-scm.com/docs/http-protocol.
"""

import gzip
from io import BytesIO

from dulwich.protocol import ReceivableProtocol
from dulwich.server import BackendRepo, DictBackend, UploadPackHandler

from ...vendor import Answer, Call, Route
from .answers import one, refuse
from .store import STORE

_SERVICE = "git-upload-pack"


def advertise(call: Call) -> Answer:
    """The refs, which start a clone."""
    if one(call, "service") != _SERVICE:
        refuse(403, "Pushing to the emulator works with its folder on disk only.")
    return _talk(call, b"", advertise_refs=True)


def upload_pack(call: Call) -> Answer:
    """The objects that the client asks for."""
    body = gzip.decompress(call.body) if call.headers.get("content-encoding") == "gzip" else call.body
    return _talk(call, body, advertise_refs=False)


def _talk(call: Call, body: bytes, *, advertise_refs: bool) -> Answer:
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
    return Answer(200, headers, [written.getvalue()])


routes = (
    Route("GET", "/{owner}/{name}.git/info/refs", advertise),
    Route("POST", f"/{{owner}}/{{name}}.git/{_SERVICE}", upload_pack),
)
