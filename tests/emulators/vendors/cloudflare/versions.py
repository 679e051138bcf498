"""A script's versions and deployments; a rollback deploys an earlier version."""

from pydantic import BaseModel, ValidationError

from ...validation import describe_first_error
from ...vendor import Call, Response
from .calls import new_bindings, page_of, script_of, source_of
from .http import INVALID, NOT_FOUND, refusal, success
from .uploads import read_upload

_LISTED_DEPLOYMENTS = 10


class _Share(BaseModel):
    version_id: str
    percentage: float


class _NewDeployment(BaseModel):
    strategy: str
    versions: list[_Share]
    annotations: dict[str, str] = {}


def list_versions(call: Call) -> Response:
    """Return a page of versions, newest first; `deployable` has no effect, because all versions are."""
    versions = [version.summarize() for version in reversed(script_of(call).versions)]
    page = page_of(call, versions, per_page=10)
    return success({"items": page.items}, result_info=page.info)


def get_version(call: Call) -> Response:
    """Return one version."""
    return success(script_of(call).version(call.params["version"]).describe())


def post_version(call: Call) -> Response:
    """Upload a version without deploying it."""
    script, upload = script_of(call), read_upload(call)
    with script.lock:
        bindings = new_bindings(call, script, upload.metadata)
        version = script.add_version(upload, bindings, source=source_of(call), triggered_by="version_upload")
    return success({**version.describe(), "startup_time_ms": script.running[version.id].startup_ms})


def list_deployments(call: Call) -> Response:
    """Return the last ten deployments, newest first."""
    deployments = script_of(call).deployments[-_LISTED_DEPLOYMENTS:]
    return success({"deployments": [deployment.describe() for deployment in reversed(deployments)]})


def get_deployment(call: Call) -> Response:
    """Return one deployment."""
    for deployment in script_of(call).deployments:
        if deployment.id == call.params["deployment"]:
            return success(deployment.describe())
    raise refusal(404, NOT_FOUND, "This deployment does not exist on this Worker.")


def post_deployment(call: Call) -> Response:
    """Deploy one or two versions; `force=true` allows a rollback to change secrets."""
    script = script_of(call)
    try:
        requested = _NewDeployment.model_validate_json(call.body)
    except ValidationError as problem:
        raise refusal(400, INVALID, describe_first_error(problem)) from problem
    shares = {share.version_id: share.percentage for share in requested.versions}
    if requested.strategy != "percentage" or sum(shares.values()) != 100 or not 1 <= len(requested.versions) <= 2:
        raise refusal(400, INVALID, "a deployment has the strategy percentage, and one or two versions that total 100")
    annotations = {"workers/triggered_by": "deployment", **requested.annotations}
    force = call.query.get("force") == ["true"]
    return success(script.deploy(shares, annotations=annotations, source=source_of(call), force=force).describe())
