"""The accounts: their scripts and resources, their subdomains of workers.dev, and the workerd of each."""

import shutil
import threading
from pathlib import Path
from typing import Any

from .bindings import binding_values, bound_resources, describe_class, own_workflows
from .http import NOT_FOUND, refusal
from .platform import Description, Platform
from .releases import Version
from .resources import ObjectClass, Resources
from .store import Hosted, Script, runtime


class Account:
    """An account: its scripts by name, its resources, its subdomain of workers.dev, and the workerd for both."""

    def __init__(self, key: str, *, subdomain: str | None, folder: Path) -> None:
        self.key = key
        self.subdomain = subdomain
        self.scripts: dict[str, Script] = {}
        self.resources = Resources()
        self.lock = threading.RLock()
        self.platform = Platform(key, runtime, folder=str(folder / key), describe=self._describe)

    def find(self, name: str) -> Script:
        """Return a deployed script. Raises `Refusal` with 404."""
        script = self.scripts.get(name)
        if script is None or not script.deployments:
            raise refusal(404, NOT_FOUND, "This Worker does not exist on your account.")
        return script

    def deployed_scripts(self) -> list[Script]:
        """Return the deployed scripts, sorted by name."""
        scripts = sorted(self.scripts.values(), key=lambda script: script.name)
        return [script for script in scripts if script.deployments]

    def classes_of(self, script: str) -> list[ObjectClass]:
        """Return a script's Durable Objects."""
        return [one for one in self.resources.object_classes.values() if one.script == script]

    def delete(self, name: str) -> None:
        """Stop and remove a script with its Durable Objects and Workflows. Raises `Refusal` with 404."""
        self.find(name).stop()
        del self.scripts[name]
        with self.lock:
            for one in self.classes_of(name):
                del self.resources.object_classes[one.id]
            for workflow in [one for one in self.resources.workflows.values() if one.script == name]:
                del self.resources.workflows[workflow.name]
        if not any(isinstance(one, Hosted) for script in self.deployed_scripts() for one in script.running.values()):
            self.platform.stop()

    def _describe(self) -> Description:
        shared = [
            (script, version)
            for script in self.deployed_scripts()
            for version in list(script.versions)
            if isinstance(script.running.get(version.id), Hosted)
        ]
        running = {
            script.name: own_workflows(version.bindings, script=script.name)
            for script, version in shared
            if version.id == script.deployed.id
        }
        workers = [self._describe_worker(script, version, running) for script, version in shared]
        names = {version.id: script.worker_name(version) for script, version in shared}
        codes = [version.upload for _, version in shared]
        return Description(workers, codes, self.resources.names_by_kind(), names)

    def _describe_worker(self, script: Script, version: Version, running: dict[str, set[str]]) -> dict[str, Any]:
        bound = bound_resources(version.bindings, self.resources, script=script.name, running=running)
        own = self.classes_of(script.name) if version.id == script.deployed.id else []
        names = {one["className"] for one in bound["durableObjects"].values() if one["scriptName"] == script.name}
        return {
            "name": script.worker_name(version),
            "tailed": script.tail_name,
            "code": version.upload.key,
            "vars": binding_values(version.bindings),
            "unboundDurableObjects": [describe_class(one) for one in own if one.class_name not in names],
            **bound,
        }


_accounts: dict[str, Account] = {}
_accounts_lock = threading.Lock()
_folder = Path()


def open_store(folder: Path) -> None:
    """Keep the data of the resources in this folder, which must have none of an earlier run: only data is on disk."""
    global _folder  # noqa: PLW0603
    shutil.rmtree(folder, ignore_errors=True)
    _folder = folder


def open_account(key: str, *, subdomain: str | None) -> Account:
    """Return the account, which is made with this subdomain if it is new."""
    with _accounts_lock:
        if key not in _accounts:
            _accounts[key] = Account(key, subdomain=subdomain, folder=_folder)
        return _accounts[key]


def all_accounts() -> list[Account]:
    """Return the accounts that have been used."""
    return list(_accounts.values())


def account_keys() -> list[str]:
    """Return the ids of the accounts that have been used, and at least one."""
    keys = [key for key in sorted(_accounts) if "-" not in key]
    return keys or ["0" * 32]


def find_public(name: str) -> tuple[Account, Script, Version | None] | None:
    """Return the enabled script of that name on workers.dev; if two accounts have one, the one deployed last.

    The name `<first 8 digits of a version's id>-<script>` is the preview of that version, which is returned too.
    """
    found: list[tuple[Account, Script, Version | None]] = []
    prefix, _, previewed = name.partition("-")
    for account in list(_accounts.values()):
        if (script := account.scripts.get(name)) and script.deployments and script.workers_dev:
            found.append((account, script, None))
        elif (script := account.scripts.get(previewed)) and script.previews and script.deployments:
            running = [version for version in script.versions if version.id in script.running and version.has_preview]
            found += [(account, script, version) for version in running if version.id[:8] == prefix]
    return max(found, key=lambda one: one[1].deployments[-1].created_on, default=None)
