"""The bindings of a version: those of its upload, checked against the account's resources, and those that it keeps.

Source: https://developers.cloudflare.com/workers/configuration/multipart-upload-metadata/; the codes and texts of the
refusals are those that users report in the issues of cloudflare/workers-sdk.
"""

from collections.abc import Collection, Mapping
from typing import Any

from .http import (
    CLASS_NOT_CONFIGURED,
    INVALID,
    UNKNOWN_BUCKET,
    UNKNOWN_DATABASE,
    UNKNOWN_NAMESPACE,
    UNRESOLVED_INHERIT,
    refusal,
)
from .resources import ObjectClass, Resources
from .uploads import Binding, Metadata

# The fields that a binding of each type must have. All are strings, except `json`.
_FIELDS: dict[str, tuple[str, ...]] = {
    "plain_text": ("text",),
    "secret_text": ("text",),
    "json": ("json",),
    "kv_namespace": ("namespace_id",),
    "d1": ("id",),
    "r2_bucket": ("bucket_name",),
    "durable_object_namespace": ("class_name",),
    "workflow": ("workflow_name", "class_name"),
    "worker_loader": (),
}
_VALUES = {"plain_text": "text", "secret_text": "text", "json": "json"}


def resolve_bindings(metadata: Metadata, previous: list[Binding], *, strict: bool) -> list[Binding]:
    """Return the bindings of a new version; `previous` has those that `keep_bindings` and `inherit` refer to."""
    by_name = {binding["name"]: binding for binding in previous}
    resolved: dict[str, Binding] = {}
    for binding in metadata.bindings:
        name, kind = binding.get("name"), binding.get("type")
        if not isinstance(name, str) or not name or not isinstance(kind, str):
            raise refusal(400, INVALID, "every binding must have a valid `name` and `type` specified")
        if name in resolved:
            raise refusal(400, INVALID, f"Binding name '{name}' already in use. Please use a different name.")
        if kind == "inherit":
            inherited = by_name.get(binding.get("old_name", name))
            if inherited is not None:
                resolved[name] = {**inherited, "name": name}
            elif strict:
                raise refusal(
                    400, UNRESOLVED_INHERIT, f"inherit binding '{name}' is invalid: no such previous binding."
                )
            continue
        _check_fields(binding)
        resolved[name] = binding
    kept = [
        binding for binding in previous if binding["type"] in metadata.keep_bindings and binding["name"] not in resolved
    ]
    return [*resolved.values(), *kept]


def _check_fields(binding: Binding) -> None:
    name, kind = binding["name"], binding["type"]
    if kind not in _FIELDS:
        raise refusal(400, INVALID, f"binding {name} of type {kind} is not supported by this emulator")
    for field in _FIELDS[kind]:
        if field not in binding or (field != "json" and not isinstance(binding[field], str)):
            raise refusal(400, INVALID, f"binding {name} of type {kind} must have a valid `{field}` specified")


def attach_resources(
    bindings: list[Binding], resources: Resources, *, script: str, scripts: Collection[str]
) -> list[Binding]:
    """Return the bindings with the ids of their resources. Raises `Refusal` for a resource that does not exist.

    `script` is the one that has the bindings, `scripts` those that are deployed.
    """
    return [_attach(binding, resources, script=script, scripts=scripts) for binding in bindings]


def _attach(binding: Binding, resources: Resources, *, script: str, scripts: Collection[str]) -> Binding:
    match binding:
        case {"type": "kv_namespace", "namespace_id": id_} if id_ not in resources.namespaces:
            raise refusal(400, UNKNOWN_NAMESPACE, f"KV namespace '{id_}' not found.")
        case {"type": "d1", "name": name, "id": id_} if id_ not in resources.databases:
            text = f"D1 binding '{name}' references database '{id_}' which was not found."
            raise refusal(400, UNKNOWN_DATABASE, text)
        case {"type": "r2_bucket", "bucket_name": bucket} if bucket not in resources.buckets:
            text = f"R2 bucket '{bucket}' not found. Please use a different name and try again."
            raise refusal(400, UNKNOWN_BUCKET, text)
        case {"type": "durable_object_namespace", "class_name": class_name}:
            owner = binding.get("script_name", script)
            if owner != script and owner not in scripts:
                text = f"Cannot create binding for class in script '{owner}' that does not exist."
                raise refusal(400, CLASS_NOT_CONFIGURED, text)
            found = resources.find_class(owner, class_name)
            if found is None:
                raise refusal(400, CLASS_NOT_CONFIGURED, _class_not_configured(class_name))
            return {**binding, "namespace_id": found.id}
    return binding


def _class_not_configured(name: str) -> str:
    return (
        f"Cannot create binding for class '{name}' because it is not currently configured to implement Durable Objects."
        " Ensure a --new-class migration has been applied to it."
    )


def shares_data(bindings: list[Binding]) -> bool:
    """Return whether a version with these bindings runs together with the account's others."""
    return any(binding["type"] not in _VALUES for binding in bindings)


def binding_values(bindings: list[Binding]) -> dict[str, Any]:
    """Return the values of the vars and secrets, as in the Worker's `env`."""
    return {binding["name"]: binding[_VALUES[binding["type"]]] for binding in bindings if binding["type"] in _VALUES}


def own_workflows(bindings: list[Binding], *, script: str) -> set[str]:
    """Return the classes of the script that its bindings use as Workflows."""
    return {
        binding["class_name"]
        for binding in bindings
        if binding["type"] == "workflow" and binding.get("script_name", script) == script
    }


def bound_resources(
    bindings: list[Binding], resources: Resources, *, script: str, running: Mapping[str, Collection[str]]
) -> dict[str, Any]:
    """Return the bindings to resources that still exist, as the fields of a worker of `platform.mjs`.

    `running` has the scripts that run, with the classes of their own Workflows.
    """
    fields: dict[str, Any] = {"d1": {}, "kv": {}, "r2": {}, "durableObjects": {}, "workflows": {}, "loaders": []}
    for binding in bindings:
        match binding:
            case {"type": "kv_namespace", "name": name, "namespace_id": id_} if id_ in resources.namespaces:
                fields["kv"][name] = id_
            case {"type": "d1", "name": name, "id": id_} if id_ in resources.databases:
                fields["d1"][name] = id_
            case {"type": "r2_bucket", "name": name, "bucket_name": bucket} if bucket in resources.buckets:
                fields["r2"][name] = bucket
            case {"type": "durable_object_namespace", "name": name, "namespace_id": id_}:
                found = resources.object_classes.get(id_)
                if found and found.script in running:
                    fields["durableObjects"][name] = {**describe_class(found), "scriptName": found.script}
            case {"type": "workflow", "name": name, "workflow_name": workflow, "class_name": class_name}:
                owner = binding.get("script_name", script)
                if class_name in running.get(owner, ()):
                    fields["workflows"][name] = {"name": workflow, "className": class_name, "scriptName": owner}
            case {"type": "worker_loader", "name": name}:
                fields["loaders"].append(name)
    return fields


def describe_class(found: ObjectClass) -> dict[str, Any]:
    """Return a class of Durable Objects for `platform.mjs`."""
    return {"className": found.class_name, "useSQLite": found.use_sqlite, "unsafeUniqueKey": found.id}


def describe_bindings(bindings: list[Binding]) -> list[Binding]:
    """Return the bindings without the values of secrets."""
    return [
        {name: value for name, value in binding.items() if binding["type"] != "secret_text" or name != "text"}
        for binding in bindings
    ]
