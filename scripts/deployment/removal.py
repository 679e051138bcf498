"""Remove an environment: its Workers, and if that is wanted its data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from deployment.account import Account, CloudflareError
from deployment.configs import build_config, database_name, load_config, title_of_namespace
from platform_workers import Worker
from setup import SetupError


def check_users(account: Account, environment: str, workers: Sequence[Worker]) -> None:
    """Raise `SetupError` if Workers that are not of this environment bind one of its own, for they would break."""
    names = {config["name"] for config in _configs(environment, workers)}
    live = [name for name in sorted(names) if account.find_live(name) is not None]
    if others := set().union(*(account.find_users(name) for name in live)) - names:
        raise SetupError(
            f"Other Workers bind those of {environment} and would break: {', '.join(sorted(others))}. "
            "Remove their bindings or delete them first"
        )


def remove_workers(
    account: Account, environment: str, workers: Sequence[Worker], *, show: Callable[[str], None]
) -> None:
    """Delete the Workers, the rate limiter after those that bind its Durable Object."""
    for config in reversed(_configs(environment, workers)):
        if account.find_live(config["name"]) is None:
            continue
        account.delete(f"/workers/services/{quote(config['name'])}?force=true")
        show(f"deleted {config['name']}")


def remove_data(account: Account, environment: str, workers: Sequence[Worker], *, show: Callable[[str], None]) -> None:
    """Delete the database, the KV namespaces, the buckets with their objects, and the Workflows."""
    configs = _configs(environment, workers)
    titles = {
        title_of_namespace(config, entry["binding"]) for config in configs for entry in config.get("kv_namespaces", [])
    }
    for namespace in list(account.iterate("/storage/kv/namespaces")):
        if namespace["title"] in titles:
            account.delete(f"/storage/kv/namespaces/{namespace['id']}")
            show(f"deleted the KV namespace {namespace['title']}")
    for bucket in sorted({entry["bucket_name"] for config in configs for entry in config.get("r2_buckets", [])}):
        _remove_bucket(account, bucket, show=show)
    for workflow in sorted({entry["name"] for config in configs for entry in config.get("workflows", [])}):
        if _delete(account, f"/workflows/{quote(workflow)}"):
            show(f"deleted the Workflow {workflow}")
    name = database_name(environment)
    if database_id := account.find_database(name):
        account.delete(f"/d1/database/{database_id}")
        show(f"deleted the D1 database {name}")


def _configs(environment: str, workers: Sequence[Worker]) -> list[dict[str, Any]]:
    return [build_config(load_config(worker), environment=environment, database_id=None) for worker in workers]


def _remove_bucket(account: Account, bucket: str, *, show: Callable[[str], None]) -> None:
    path = f"/r2/buckets/{quote(bucket)}"
    try:
        for item in _iterate_objects(account, path):
            account.delete(f"{path}/objects/{quote(item['key'], safe='')}")
    except CloudflareError as error:
        if error.status == 404:
            return
        raise
    if _delete(account, path):
        show(f"deleted the bucket {bucket}")


def _iterate_objects(account: Account, path: str) -> Iterator[Mapping[str, Any]]:
    while items := account.get(f"{path}/objects?per_page=1000"):
        yield from items


def _delete(account: Account, path: str) -> bool:
    try:
        account.delete(path)
    except CloudflareError as error:
        if error.status == 404:
            return False
        raise
    return True
