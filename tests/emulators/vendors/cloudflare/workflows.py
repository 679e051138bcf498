"""Workflows and their instances, which run on the account's workerd while a Worker has a binding to the Workflow.

Sources: https://developers.cloudflare.com/api/resources/workflows/ and the requests of wrangler 4.164. What happens to
an instance is asked of miniflare's local explorer, whose API is the same.
"""

from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from pydantic_core import from_json

from ...vendor import Call, Response, json_response
from .calls import account_of, page_of, parse_body
from .http import refusal, success
from .resources import Workflow, now
from .runtime import OperationError

_INVALID = 10001
_NO_WORKFLOW = 10200
_NO_SCRIPT = 10201
_STATUSES = ("complete", "errored", "paused", "queued", "running", "terminated", "waiting", "waitingForPause")


def put_workflow(call: Call) -> Response:
    """Give a class of a script a name as a Workflow, or change it."""
    account, body, name = account_of(call), parse_body(call), call.params["workflow"]
    script, class_name = body.get("script_name"), body.get("class_name")
    if not isinstance(script, str) or not isinstance(class_name, str):
        raise refusal(400, _INVALID, "workflow.invalid: script_name and class_name must be strings")
    if script not in {found.name for found in account.deployed_scripts()}:
        raise refusal(404, _NO_SCRIPT, f"workflow.script_not_found: the script {script} does not exist")
    with account.lock:
        found = account.resources.workflows.get(name) or Workflow(name, script, class_name)
        changed = replace(found, script=script, class_name=class_name, modified_on=now())
        account.resources.workflows[name] = changed
    return success(_describe(changed))


def list_workflows(call: Call) -> Response:
    """Return a page of Workflows by name."""
    account = account_of(call)
    page = page_of(call, sorted(account.resources.workflows.values(), key=lambda found: found.name), per_page=25)
    return success([_describe(workflow) for workflow in page.items], result_info=page.info)


def get_workflow(call: Call) -> Response:
    """Return a Workflow, with the number of its instances by status."""
    workflow = _workflow_of(call)
    return success({**_describe(workflow), "instances": _count_instances(call, workflow)})


def delete_workflow(call: Call) -> Response:
    """Delete a Workflow."""
    account, workflow = account_of(call), _workflow_of(call)
    with account.lock:
        account.resources.workflows.pop(workflow.name, None)
    return success({"status": "ok", "success": True})


def list_versions(call: Call) -> Response:
    """Return the versions of a Workflow; the emulator has the current one."""
    workflow = _workflow_of(call)
    version = {
        "id": workflow.version_id,
        "class_name": workflow.class_name,
        "workflow_id": workflow.id,
        "created_on": workflow.created_on,
        "modified_on": workflow.modified_on,
    }
    page = page_of(call, [version])
    return success(page.items, result_info=page.info)


def forward_instances(call: Call) -> Response:
    """List, create or change instances: the calls below `/workflows/{workflow}/instances`."""
    workflow = _workflow_of(call)
    rest = call.params.get("rest", "")
    path = f"/workflows/{quote(workflow.name)}/instances" + (f"/{quote(rest)}" if rest else "")
    if call.query:
        path += "?" + urlencode(call.query, doseq=True)
    body = from_json(call.body) if call.body else None
    if call.method == "POST" and not rest:
        fields = body if isinstance(body, dict) else {}
        # miniflare has another name for it than Cloudflare.
        body = {"params": fields.get("params")}
        if "instance_id" in fields:
            body["id"] = fields["instance_id"]
    answer = _explore(call, call.method, path, body)
    found = answer["body"].get("result")
    for instance in found if isinstance(found, list) else [found]:
        if isinstance(instance, dict) and "status" in instance:
            _complete(instance, workflow)
    return json_response(answer["body"], status=answer["status"])


def _complete(instance: dict[str, Any], workflow: Workflow) -> None:
    """Add the fields of an instance that miniflare leaves out."""
    times = [instance.get(name) for name in ("modified_on", "ended_on", "end", "started_on", "start", "created_on")]
    instance["modified_on"] = next((time for time in times if time), workflow.created_on)
    instance.update(workflow_id=workflow.id, version_id=workflow.version_id)


def _count_instances(call: Call, workflow: Workflow) -> dict[str, int]:
    account = account_of(call)
    bound = any(
        binding["type"] == "workflow" and binding["workflow_name"] == workflow.name
        for script in account.deployed_scripts()
        for binding in script.deployed.bindings
    )
    counts = dict.fromkeys(_STATUSES, 0)
    if bound:
        answer = _explore(call, "GET", f"/workflows/{quote(workflow.name)}", None)
        found = (answer["body"].get("result") or {}).get("instances") or {}
        counts |= {name: number for name, number in found.items() if name in counts}
    return counts


def _explore(call: Call, method: str, path: str, body: Any) -> dict[str, Any]:
    operation = {"resource": "explorer", "method": method, "path": path, "body": body}
    try:
        answer: dict[str, Any] = account_of(call).platform.call(bound=None, **operation)
    except OperationError as problem:
        raise refusal(500, _INVALID, str(problem)) from problem
    return answer


def _workflow_of(call: Call) -> Workflow:
    found = account_of(call).resources.workflows.get(call.params["workflow"])
    if found is None:
        raise refusal(404, _NO_WORKFLOW, "workflow.not_found")
    return found


def _describe(workflow: Workflow) -> dict[str, Any]:
    return {
        "id": workflow.id,
        "name": workflow.name,
        "script_name": workflow.script,
        "class_name": workflow.class_name,
        "version_id": workflow.version_id,
        "created_on": workflow.created_on,
        "modified_on": workflow.modified_on,
        "triggered_on": None,
    }
