"""The accounts' scripts, in memory: versions, deployments, secrets, and what runs of them.

An upload creates a version and deploys it; so does every change of a secret. A version runs from its first check until
another one is deployed: on a workerd of its own, or on that of its account if it has bindings to resources. A version
that does not start is not added, and the deployed one keeps running.
"""

import random
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...vendor import Refusal
from .bindings import attach_resources, binding_values, own_workflows, shares_data
from .http import CLASS_IN_USE, CLASS_NOT_EXPORTED, INVALID, NOT_FOUND, SECRETS_CHANGED, refusal
from .releases import Deployment, Version
from .resources import ObjectClass, ScriptClasses, now
from .runtime import Instance, Runtime, StartupError
from .uploads import Binding, Upload

if TYPE_CHECKING:
    from .accounts import Account

_MAX_VERSIONS = 100
runtime = Runtime()
"""What runs all scripts of all accounts."""


@dataclass(frozen=True, slots=True)
class Hosted:
    """A version that runs on its account's workerd."""

    startup_ms: int


@dataclass(slots=True)
class Script:
    """A Worker by name; `running` has the deployed versions and a newer one."""

    name: str
    account: "Account"
    tag: str = field(default_factory=lambda: uuid.uuid4().hex)
    created_on: str = field(default_factory=now)
    versions: list[Version] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    running: dict[str, Instance | Hosted] = field(default_factory=dict)
    workers_dev: bool = False
    previews: bool = False
    migration_tag: str | None = None
    schedules: list[dict[str, str]] = field(default_factory=list)
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

    def pick(self) -> tuple[Version, Instance | Hosted]:
        """Choose the version for the next request by the deployment's percentages."""
        shares = self.deployments[-1].shares
        (id_,) = random.choices(list(shares), list(shares.values()))  # noqa: S311 - not a secret
        return self.version(id_), self.running[id_]

    @property
    def tail_name(self) -> str:
        """The name of the script in the runtime's events."""
        return f"{self.account.key}/{self.name}"

    def worker_name(self, version: Version) -> str:
        """Return the name of a version on the account's workerd: the script's own if it is the deployed one."""
        return self.name if version.id == self.deployed.id else f"{self.name}--{version.id[:8]}"

    def add_version(
        self,
        upload: Upload,
        bindings: list[Binding],
        *,
        source: str,
        triggered_by: str,
        objects: ScriptClasses | None = None,
    ) -> Version:
        """Start a new version and add it without a deployment. Raises `Refusal` if it does not start.

        It must export the classes of `objects`, by default those that are the script's Durable Objects already.
        """
        objects = objects or ScriptClasses(self.account.classes_of(self.name), self.migration_tag)
        with self.lock:
            number = self.versions[-1].number + 1 if self.versions else 1
            version = Version(
                number,
                upload,
                bindings,
                source,
                triggered_by,
                migration_tag=objects.tag,
                has_preview=self.previews and not objects.classes,
                shared=bool(objects.classes) or shares_data(bindings),
            )
            self._start(version, objects.classes)
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
            self._check_resources(versions)
            if not force:
                self._check_secrets(versions)
            return self._deploy(Deployment(shares, annotations, source))

    def _deploy(self, deployment: Deployment) -> Deployment:
        for version in [self.version(id_) for id_ in deployment.shares]:
            if version.id not in self.running:
                self._start(version, self.account.classes_of(self.name))
        self.deployments.append(deployment)
        self._stop_all_but(set(deployment.shares))
        self.account.platform.mark_outdated()
        return deployment

    def replace(
        self,
        upload: Upload,
        bindings: list[Binding],
        *,
        source: str,
        triggered_by: str,
        objects: ScriptClasses | None = None,
    ) -> Version:
        """Add a new version and deploy it. Raises `Refusal` if it does not start."""
        with self.lock:
            version = self.add_version(upload, bindings, source=source, triggered_by=triggered_by, objects=objects)
            self._deploy(Deployment({version.id: 100}, version.annotations, source))
        return version

    def restart(self, version: Version, blocked: Instance) -> None:
        """Stop a blocked instance and start it again, once, however many requests find it blocked."""
        with self.lock:
            if self.running.get(version.id) is blocked:
                runtime.stop(blocked)
                self._start(version, ())

    def stop(self) -> None:
        """Stop all instances."""
        with self.lock:
            self._stop_all_but(set())

    def _start(self, version: Version, classes: Sequence[ObjectClass]) -> None:
        try:
            instance = runtime.start(
                version.upload,
                name=self.tail_name,
                values=binding_values(version.bindings),
                classes=[one.class_name for one in classes],
                workflows=sorted(own_workflows(version.bindings, script=self.name)),
            )
        except StartupError as problem:
            raise self._explain(problem, classes) from problem
        if version.shared:
            # That was the check; the account's workerd starts it again with its resources.
            runtime.stop(instance)
            self.running[version.id] = Hosted(instance.startup_ms)
            self.account.platform.mark_outdated()
        else:
            self.running[version.id] = instance

    def _explain(self, problem: StartupError, classes: Sequence[ObjectClass]) -> Refusal:
        for name in [one.class_name for one in classes if f'"{one.class_name}"' in str(problem)]:
            if self.account.resources.find_class(self.name, name):
                text = (
                    f"New version of script does not export class '{name}' which is depended on by existing Durable "
                    "Objects. If you want to delete the class's Durable Objects, use a --delete-class migration."
                )
                return refusal(400, CLASS_IN_USE, text)
            text = f"Cannot apply new-class migration to class '{name}' that is not exported by script."
            return refusal(400, CLASS_NOT_EXPORTED, text)
        return refusal(400, INVALID, str(problem))

    def _stop_all_but(self, kept: set[str]) -> None:
        for id_ in set(self.running) - kept:
            ended = self.running.pop(id_)
            if isinstance(ended, Hosted):
                self.account.platform.mark_outdated()
            else:
                runtime.stop(ended)

    def _check_resources(self, versions: list[Version]) -> None:
        scripts = [script.name for script in self.account.deployed_scripts()]
        for version in versions:
            if version.number < self.deployed.number and version.migration_tag != self.deployed.migration_tag:
                text = "Cannot roll back across a Durable Object migration."
                raise refusal(400, INVALID, text)
            attach_resources(version.bindings, self.account.resources, script=self.name, scripts=scripts)

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
