"""The settings of this worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from electrons.settings import NOT_SET, Secret, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings(Settings):
    """The shared settings and those of render-service."""

    render_timeout_seconds: float = 1800.0
    render_poll_seconds: float = 1.0
    callback_signing_secret: Secret = NOT_SET
    callback_retry_seconds: float = 5.0
    callback_give_up_seconds: float = 86400.0
    allow_loopback_urls: Literal["true", "false"] = "false"
