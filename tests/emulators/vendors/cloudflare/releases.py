"""What never changes once it is there: the versions of a script, and its deployments."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .bindings import describe_bindings
from .resources import now
from .uploads import Binding, Upload


@dataclass(frozen=True, slots=True)
class Version:
    """Code and bindings of one upload; never changed."""

    number: int
    upload: Upload
    bindings: list[Binding]
    source: str
    triggered_by: str
    migration_tag: str | None = None
    has_preview: bool = False
    shared: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_on: str = field(default_factory=now)

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
            "hasPreview": self.has_preview,
            "has_preview": self.has_preview,
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
    created_on: str = field(default_factory=now)

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
