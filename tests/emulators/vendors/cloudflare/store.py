"""The accounts' scripts, in memory: versions, deployments, secrets, and the instances that run.

An upload creates a version and deploys it; so does every change of a secret. A version runs from its first check until
another one is deployed. A version that does not start is not added, and the deployed one keeps running.
"""

import random
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .http import INVALID, NOT_FOUND, SECRETS_CHANGED, refusal
from .runtime import Instance, Runtime, StartupError
from .uploads import Binding, Upload, binding_values, describe_bindings

_MAX_VERSIONS = 100
_runtime = Runtime()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Version:
    """Code and bindings of one upload; never changed."""

    number: int
    upload: Upload
    bindings: list[Binding]
    source: str
    triggered_by: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_on: str = field(default_factory=_now)

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets by name."""
        return {binding["name"]: binding["text"] for binding in self.bindings if binding["type"] == "secret_text"}

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations of the upload and what triggered it."""
        return {**self.upload.metadata.annotations, "workers/triggered_by": self.triggered_by}

    def summarize(self) -> dict[str, Any]:
        """Return the object of the version in a list."""
        metadata = {
            "created_on": self.created_on,
            "modified_on": self.created_on,
            "source": self.source,
            "author_id": "",
            "author_email": "developer@example.com",
            "hasPreview": False,
        }
        return {"id": self.id, "number": self.number, "metadata": metadata, "annotations": self.annotations}

    def describe(self) -> dict[str, Any]:
        """Return the object of a single version; the emulator assumes that it handles `fetch`."""
        metadata = self.upload.metadata
        resources = {
            "bindings": describe_bindings(self.bindings),
            "script": {"etag": self.upload.etag, "handlers": ["fetch"], "last_deployed_from": self.source},
            "script_runtime": {
                "compatibility_date": metadata.compatibility_date,
                "compatibility_flags": metadata.compatibility_flags,
                "usage_model": metadata.usage_model,
                "limits": metadata.limits,
            },
        }
        return {**self.summarize(), "resources": resources}


@dataclass(frozen=True, slots=True)
class Deployment:
    """The versions that get requests, with their percentages, whose sum is 100."""

    shares: Mapping[str, float]
    annotations: Mapping[str, str]
    source: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_on: str = field(default_factory=_now)

    def describe(self) -> dict[str, Any]:
        """Return the object of the deployment."""
        return {
            "id": self.id,
            "source": self.source,
            "strategy": "percentage",
            "author_email": "developer@example.com",
            "annotations": dict(self.annotations),
            "versions": [{"version_id": id_, "percentage": share} for id_, share in self.shares.items()],
            "created_on": self.created_on,
        }


@dataclass(slots=True)
class Script:
    """A Worker by name; `running` has the instances of the deployed versions and of a newer one."""

    name: str
    tag: str = field(default_factory=lambda: uuid.uuid4().hex)
    created_on: str = field(default_factory=_now)
    versions: list[Version] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    running: dict[str, Instance] = field(default_factory=dict)
    workers_dev: bool = False
    previews: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def deployed(self) -> Version:
        """The version with the largest share of the requests."""
        shares = self.deployments[-1].shares
        return self.version(max(shares, key=lambda id_: shares[id_]))

    def version(self, id_: str) -> Version:
        """Return a version. Raises `Refusal` with 404."""
        for version in self.versions:
            if version.id == id_:
                return version
        raise refusal(404, NOT_FOUND, f"Version {id_} does not exist on this Worker.")

    def pick(self) -> tuple[Version, Instance]:
        """Choose the version for the next request by the deployment's percentages."""
        shares = self.deployments[-1].shares
        (id_,) = random.choices(list(shares), list(shares.values()))  # noqa: S311 - not a secret
        return self.version(id_), self.running[id_]

    def add_version(self, upload: Upload, bindings: list[Binding], *, source: str, triggered_by: str) -> Version:
        """Start a new version and add it without a deployment. Raises `Refusal` if it does not start."""
        with self.lock:
            number = self.versions[-1].number + 1 if self.versions else 1
            version = Version(number, upload, bindings, source, triggered_by)
            self._start(version)
            shares = self.deployments[-1].shares if self.deployments else {}
            self._stop_all_but({*shares, version.id})
            self.versions = [*self.versions, version][-_MAX_VERSIONS:]
        return version

    def deploy(
        self, shares: Mapping[str, float], *, annotations: Mapping[str, str], source: str, force: bool = False
    ) -> Deployment:
        """Send requests to these versions. A rollback must not change secrets unless forced. Raises `Refusal`."""
        with self.lock:
            versions = [self.version(id_) for id_ in shares]
            if self.deployments and not force:
                self._check_secrets(versions)
            for version in versions:
                if version.id not in self.running:
                    self._start(version)
            deployment = Deployment(shares, annotations, source)
            self.deployments.append(deployment)
            self._stop_all_but(set(shares))
        return deployment

    def replace(self, upload: Upload, bindings: list[Binding], *, source: str, triggered_by: str) -> Version:
        """Add a new version and deploy it. Raises `Refusal` if it does not start."""
        with self.lock:
            version = self.add_version(upload, bindings, source=source, triggered_by=triggered_by)
            self.deploy({version.id: 100}, annotations=version.annotations, source=source, force=True)
        return version

    def restart(self, version: Version, blocked: Instance) -> None:
        """Stop a blocked instance and start it again, once, however many requests find it blocked."""
        with self.lock:
            if self.running.get(version.id) is blocked:
                _runtime.stop(blocked)
                self._start(version)

    def stop(self) -> None:
        """Stop all instances."""
        with self.lock:
            self._stop_all_but(set())

    def _start(self, version: Version) -> None:
        worker = {**version.upload.describe_code(), "bindings": binding_values(version.bindings)}
        try:
            self.running[version.id] = _runtime.start(worker)
        except StartupError as problem:
            raise refusal(400, INVALID, str(problem)) from problem

    def _stop_all_but(self, kept: set[str]) -> None:
        for id_ in set(self.running) - kept:
            _runtime.stop(self.running.pop(id_))

    def _check_secrets(self, versions: list[Version]) -> None:
        # A newer version has its own secrets; only a rollback could restore an old value.
        current = self.deployed
        changed = {
            name
            for version in versions
            if version.number < current.number
            for name in {*version.secrets, *current.secrets}
            if version.secrets.get(name) != current.secrets.get(name)
        }
        if changed:
            text = f"The following secrets have changed: {', '.join(sorted(changed))}"
            raise refusal(400, SECRETS_CHANGED, text)


@dataclass(slots=True)
class Account:
    """An account: its scripts by name, and its subdomain of workers.dev."""

    subdomain: str | None = "emulated"
    scripts: dict[str, Script] = field(default_factory=dict)

    def find(self, name: str) -> Script:
        """Return a deployed script. Raises `Refusal` with 404."""
        script = self.scripts.get(name)
        if script is None or not script.deployments:
            raise refusal(404, NOT_FOUND, "This Worker does not exist on your account.")
        return script

    def delete(self, name: str) -> None:
        """Stop and remove a script. Raises `Refusal` with 404."""
        self.find(name).stop()
        del self.scripts[name]


accounts: dict[str, Account] = {}


def find_public(name: str) -> tuple[Account, Script] | None:
    """Return the enabled script of that name on workers.dev; if two accounts have one, the one deployed last."""
    found = [
        (account, script)
        for account in list(accounts.values())
        if (script := account.scripts.get(name)) and script.deployments and script.workers_dev
    ]
    return max(found, key=lambda pair: pair[1].deployments[-1].created_on, default=None)
