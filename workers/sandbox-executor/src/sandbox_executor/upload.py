"""The upload of a Worker: its modules and, for a Python one, the SDK that it needs."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution

from electrons.errors import ConfigurationError
from electrons.providers.cloudflare.provider import Module, Upload
from sandbox_executor.models.deploy import PYTHON_FLAG, DeployRequest, module_type

SDK = "workers-runtime-sdk"
"""The package with the module `workers`, which new Python Workers must bring along themselves."""

SDK_NOT_BUILT_IN_FROM = "2026-09-08"
"""The compatibility date since when they must; before, the runtime has an SDK of its own."""


def build_upload(body: DeployRequest) -> Upload:
    """Return the Worker as it is uploaded; a Python one with the flag and the SDK that it needs."""
    flags = list(body.compatibility_flags)
    modules = {path: Module(path, text.encode(), module_type(path) or "") for path, text in body.modules.items()}
    if body.is_python:
        if PYTHON_FLAG not in flags:
            flags.append(PYTHON_FLAG)
        if body.compatibility_date >= SDK_NOT_BUILT_IN_FROM:
            modules = {**{module.path: module for module in read_sdk()}, **modules}
    return Upload(
        main_module=body.main or "",
        modules=tuple(modules.values()),
        compatibility_date=body.compatibility_date,
        compatibility_flags=tuple(flags),
        env_vars=body.env_vars,
        secrets=body.secrets,
    )


def read_sdk() -> Iterator[Module]:
    """Yield the files of the SDK that this worker has itself, as wrangler would upload them.

    Raises `ConfigurationError` when it was not vendored.
    """
    try:
        files = distribution(SDK).files or []
    except PackageNotFoundError as error:
        raise ConfigurationError(f"{SDK} is missing in this worker's python_modules: build it again") from error
    for file in files:
        if file.suffix != ".pyc":
            script = file.parts[0] == "workers" and file.suffix in {".js", ".mjs"}
            kind = "application/javascript+module" if script else "application/octet-stream"
            yield Module(f"python_modules/{file}", file.read_binary(), kind)
