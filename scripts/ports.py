"""The ports of the local stack, as the workers declare them.

Each worker's wrangler.toml has its port as `[dev] port`, which plain `npx wrangler dev` uses as well. A worker that
declares none gets the next one after the highest that is declared; a worker without a public route (`workers_dev =
false`) has none unless it declares one. The emulators listen on 8800.

`DE_PORT_BASE` is the port in the place of 8787; every other port moves by as much.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from socket import socket
from typing import Any

from setup import ROOT, SetupError

BASE = 8787
EMULATORS = 8800

Configs = Mapping[str, Mapping[str, Any]]
"""Every worker's wrangler.toml by the worker's name."""


def load_configs(root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """Read every worker's wrangler.toml; its name is that of its folder."""
    paths = sorted((root / "workers").glob("*/wrangler.toml"))
    return {path.parent.name: tomllib.loads(path.read_text()) for path in paths}


def worker_ports(configs: Configs) -> dict[str, int]:
    """Return the port of each worker that has one, moved by `DE_PORT_BASE`. Raises `SetupError`."""
    offset = port_offset()
    ports = {name: port + offset for name, port in assign_ports(configs).items()}
    for name, port in ports.items():
        if not 1024 <= port <= 65535:
            raise SetupError(f"`DE_PORT_BASE` moves {name} to port {port}; choose one that is closer to {BASE}")
    return ports


def find_free_port() -> int:
    """Return a port on which nothing listens now."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def emulators_port() -> int:
    """Return the port of the emulators, moved by `DE_PORT_BASE`. Raises `SetupError`."""
    return EMULATORS + port_offset()


def port_offset() -> int:
    """Return by how much `DE_PORT_BASE` moves the ports. Raises `SetupError`."""
    text = os.environ.get("DE_PORT_BASE", str(BASE))
    if not text.isdecimal() or not 1024 <= int(text) <= 65000:
        raise SetupError(f"`DE_PORT_BASE` must be a port from 1024 to 65000, not {text!r}")
    return int(text) - BASE


def assign_ports(configs: Configs) -> dict[str, int]:
    """Return the port of each worker that has one, as if `DE_PORT_BASE` were not set. Raises `SetupError`."""
    for name, problem in find_port_problems(configs):
        raise SetupError(f"workers/{name}/wrangler.toml: {problem}")
    declared = {name: declared_port(config) for name, config in configs.items()}
    ports = {name: port for name, port in declared.items() if port is not None}
    following = max(ports.values(), default=BASE - 1) + 1
    for name, config in configs.items():
        if name not in ports and config.get("workers_dev") is not False:
            if following == EMULATORS:
                following += 1
            ports[name] = following
            following += 1
    return ports


def find_port_problems(configs: Configs) -> Iterator[tuple[str, str]]:
    """Return what is wrong with the declared ports: the worker's name and the problem."""
    taken = {EMULATORS: "the emulators"}
    for name, config in configs.items():
        port = declared_port(config)
        if port is None:
            continue
        if type(port) is not int or not 1024 <= port <= 65535:
            yield name, f"[dev] port must be a number from 1024 to 65535, not {port!r}"
        elif port in taken:
            yield name, f"[dev] port {port} is that of {taken[port]}; choose another one, or leave it out"
        else:
            taken[port] = name


def declared_port(config: Mapping[str, Any]) -> Any:
    """Return the value of `[dev] port`, None if there is none."""
    return config.get("dev", {}).get("port")
