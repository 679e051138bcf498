"""Deployments: a Worker goes live whole or not at all, and only where this platform and the caller's key may.

    credentials -> name and allowlist -> whose is it? -> a row -> upload -> workers.dev -> the row again

What fails after the upload is undone. Nothing here may be cancelled halfway: routes use `Context.see_through`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from electrons.context import Context
from electrons.errors import (
    ConflictError,
    DatabaseError,
    DeploymentFailedError,
    ElectronsError,
)
from electrons.logs import timestamp
from electrons.providers.cloudflare.provider import CloudflareError, Live, Script
from electrons.providers.cloudflare.scripts import (
    Before,
    find_outcome,
    publish_on_workers_dev,
    put_live,
    read_before,
    read_live,
    read_subdomain,
    remove_script,
    undo_on_failure,
    upload_script,
)
from sandbox_executor.deployment_access import (
    deployments_table,
    find_own_worker,
    not_deployed,
    refuse_changed_worker,
    refuse_worker_of_others,
    require_own_worker,
    require_worker_access,
)
from sandbox_executor.models.deploy import (
    CurrentStatus,
    Deployment,
    DeploymentAction,
    DeploymentRecord,
    DeploymentState,
    DeploymentStatus,
    DeployRequest,
    RemovalResponse,
)
from sandbox_executor.settings import SandboxSettings
from sandbox_executor.storage.deployments import DeploymentRow
from sandbox_executor.upload import build_upload

HISTORY_LIMIT = 10


async def deploy(context: Context, body: DeployRequest) -> Deployment:
    """Put a Worker live and return what is live then.

    Raises `MissingCredentialsError`, `ForbiddenError`, `ConflictError` for a Worker that is not the caller's, that was
    changed elsewhere or is being changed right now, and `ProviderError` and what derives from it.
    """
    script = require_worker_access(context, body.worker_name)
    upload = build_upload(body)
    with cloudflare_errors_as_failures():
        before = await read_before(context, script)
        current = await find_own_worker(context, script.name)
        if before.live is not None and current is None:
            raise ConflictError(
                f"There is a Worker named {script.name!r} in the account that this platform did not deploy; "
                "it is left alone: choose another name, or delete it at Cloudflare first"
            )
        refuse_changed_worker(current, before.live)
        url = await find_url(context, script) if body.workers_dev else None
        kept = current.row.secrets if current and before.live else []
        async with change_worker(context, script, before, "deploy") as row_id:
            uploaded, version = await upload_script(context, script, upload)
            await publish_on_workers_dev(context, script, body.workers_dev, before=before.workers_dev)
            deployment = Deployment(
                url=url,
                worker_id=uploaded.worker_id,
                version=version,
                deployed_at=timestamp(),
                worker_name=script.name,
                previous_version=before.live.version if before.live else None,
                startup_time_ms=uploaded.startup_time_ms,
            )
            secrets = {*kept, *body.secrets} - body.env_vars.keys()
            await record_success(context, row_id, deployment, others="replaced", secrets=secrets)
        return deployment


async def roll_back(context: Context, name: str) -> Deployment:
    """Put the version before the current one live again, with its vars and secrets; once more, the one before that.

    Raises `ConflictError` if there is none, and as `deploy` does.
    """
    script = require_worker_access(context, name)
    current = await require_own_worker(context, name)
    with cloudflare_errors_as_failures():
        before = await read_before(context, script)
        refuse_changed_worker(current, before.live)
        if current.row.status != "deployed" or before.live != Live({current.row.version or "": 100.0}):
            raise ConflictError(f"What is live of {name!r} is not what was deployed from here: deploy it again first")
        target = current.row.previous_version
        if target is None:
            raise ConflictError(f"There is no version of {name!r} before the current one")
        upload = await deployments_table(context).find_upload(script.name, target)
        async with change_worker(context, script, before, "rollback") as row_id:
            await put_live(context, script, Live({target: 100.0}))
            deployment = Deployment(
                url=current.row.url,
                worker_id=current.row.worker_id or "",
                version=target,
                deployed_at=timestamp(),
                worker_name=script.name,
                previous_version=upload.previous_version if upload else None,
            )
            secrets = upload.secrets if upload else []
            await record_success(context, row_id, deployment, others="rolled_back", secrets=secrets)
        return deployment


async def delete_worker(context: Context, name: str) -> RemovalResponse:
    """Delete a Worker that the caller deployed. Raises as `deploy` does, and `NotFoundError`."""
    script = require_worker_access(context, name)
    current = await require_own_worker(context, name)
    with cloudflare_errors_as_failures():
        refuse_changed_worker(current, await read_live(context, script))
        row_id = await insert_pending_row(context, script, "delete")
        async with record_failure(context, row_id):
            # From here on, no other request to this platform changes it.
            refuse_changed_worker(current, await read_live(context, script))
            await remove_script(context, script)
            await deployments_table(context).succeed(row_id, "deleted", worker_name=script.name, others="deleted")
    return RemovalResponse(worker_name=name)


async def load_deployment_state(context: Context, name: str) -> DeploymentState:
    """Return a Worker that the caller deployed, compared with what Cloudflare has.

    Raises `NotFoundError` also for a Worker of another key.
    """
    script = require_worker_access(context, name)
    table, key_id = deployments_table(context), context.principal.key_id
    current = await table.find_live(name, key_id=key_id)
    history = await table.load_history(name, key_id=key_id, limit=HISTORY_LIMIT)
    pending = bool(history) and history[0].status == "pending"
    if (current is None and not pending) or (current is not None and not current.is_own):
        raise not_deployed(name)
    row = current.row if current else None
    with cloudflare_errors_as_failures():
        live = await read_live(context, script)
    status: CurrentStatus = "deployed"
    if pending:
        status = "pending"
    elif live is None:
        status = "missing"
    elif row is None or row.status != "deployed":
        status = "unconfirmed"
    elif live != Live({row.version or "": 100.0}):
        status = "changed"
    return DeploymentState(
        worker_name=name,
        status=status,
        url=row.url if row else None,
        version=live.version if live else None,
        deployment=describe_row(row) if row and row.status == "deployed" else None,
        secrets=row.secrets if row else [],
        history=[DeploymentRecord.model_validate(each, from_attributes=True) for each in history],
    )


def describe_row(row: DeploymentRow) -> Deployment:
    """Return what a row that is live says about the Worker."""
    return Deployment(
        url=row.url,
        worker_id=row.worker_id or "",
        version=row.version or "",
        deployed_at=row.deployed_at or row.updated_at,
        worker_name=row.worker_name,
        previous_version=row.previous_version,
        startup_time_ms=row.startup_time_ms,
    )


@contextmanager
def cloudflare_errors_as_failures() -> Iterator[None]:
    """Turn a `CloudflareError` of the block into a `DeploymentFailedError`."""
    try:
        yield
    except CloudflareError as error:
        raise DeploymentFailedError(error, errors=error.errors) from error


@asynccontextmanager
async def change_worker(
    context: Context, script: Script, before: Before, action: DeploymentAction
) -> AsyncIterator[int]:
    """Insert a row and run the block, which changes the Worker. If it fails, undo the change and end the row."""
    row_id = await insert_pending_row(context, script, action)
    async with record_failure(context, row_id):
        if await read_live(context, script) != before.live:  # no other request changes it now
            raise ConflictError(f"The Worker {script.name!r} has changed in the meantime: try again")
        async with undo_on_failure(context, script, before):
            yield row_id


async def insert_pending_row(context: Context, script: Script, action: DeploymentAction) -> int:
    """Insert a row and return its id. Raises `ConflictError` while another change of that Worker is in progress."""
    row = DeploymentRow(
        worker_name=script.name,
        action=action,
        request_id=context.request_id,
        key_id=context.principal.key_id,
        instance_id=context.labels.instance_id,
        project_id=context.labels.project_id,
    )
    row_id = await deployments_table(context).insert_pending(row)
    if row_id is None:
        await refuse_worker_of_others(context, script.name)
        raise ConflictError(f"The Worker {script.name!r} is being deployed or deleted right now: try again later")
    return row_id


async def record_success(
    context: Context, row_id: int, deployment: Deployment, *, others: DeploymentStatus, secrets: Iterable[str]
) -> None:
    """Record what is live now, with the names of all its secrets."""
    values = deployment.model_dump(exclude={"success"})
    names = ",".join(sorted(secrets))
    await deployments_table(context).succeed(row_id, "deployed", others=others, secret_names=names, **values)


@asynccontextmanager
async def record_failure(context: Context, row_id: int) -> AsyncIterator[None]:
    """End the row if the block fails, with what the failure left at Cloudflare."""
    try:
        with cloudflare_errors_as_failures():
            yield
    except Exception as error:
        code = error.error_code if isinstance(error, ElectronsError) else ElectronsError.code
        status: DeploymentStatus = "unconfirmed" if find_outcome(error) == "unknown" else "failed"
        with suppress(DatabaseError):  # then the row stays pending, and counts as unconfirmed
            await deployments_table(context).end(row_id, status, error_code=code)
        raise


async def find_url(context: Context, script: Script) -> str:
    """Return the Worker's address on workers.dev. Raises `CloudflareError` for an account without a subdomain."""
    subdomain = await read_subdomain(context, script)
    return (
        context.settings_as(SandboxSettings)
        .workers_dev_url.replace("{name}", script.name)
        .replace("{subdomain}", subdomain)
    )
