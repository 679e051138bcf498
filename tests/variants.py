"""The deployments that the tests need besides the workers themselves: the same code with other vars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PLENTY = '"requests";q=1000000;w=60, "tokens";q=1000000000;qu="tokens";w=60'

PLANTED_SECRET = "invalid-sk-planted-0123456789"
"""A key that the emulators refuse, and that must never be seen again."""


KEYS_REQUIRED = {"AUTH_MODE": "required", "KEY_CACHE_SECONDS": "0.5"}
"""A deployment that forgets a key soon enough for a test to wait for."""

# Not a local run: there all callers have one address.
# A busy machine must not let calls through because the limiter is slow to answer.
_PATIENT = {"LOCAL_RUN": "false", "RATE_LIMIT_TIMEOUT_SECONDS": "60"}
LIMITED = {"RATE_LIMIT_POLICY": '"requests";q=100;w=3600', **_PATIENT}
METERED = {"RATE_LIMIT_POLICY": '"requests";q=1000;w=3600, "tokens";q=5000;qu="tokens";w=3600', **_PATIENT}
LEASED = {"RATE_LIMIT_POLICY": '"requests";q=1000;w=3600', "RATE_LIMIT_LEASE_SECONDS": "30", **_PATIENT}


@dataclass(frozen=True)
class Variant:
    """A worker once more, under another name and with other vars.

    Unless it is `deployed`, the worker's own isolate serves it (tests/workers/entry_with_settings.py): each deployment
    costs a hundred megabytes.
    """

    worker: str
    vars: Mapping[str, str]
    deployed: bool = False


VARIANTS = {
    "text-gen-limited": Variant("text-gen", LIMITED),
    # As far as the limiter can see, another isolate of the same deployment.
    "text-gen-limited-too": Variant("text-gen", {**LIMITED, "LOG_FORMAT": "json"}),
    "text-gen-metered": Variant("text-gen", METERED),
    "text-gen-metered-too": Variant("text-gen", {**METERED, "LOG_FORMAT": "json"}),
    # Leases that last until a test is over.
    "text-gen-leased": Variant("text-gen", LEASED),
    "text-gen-leased-too": Variant("text-gen", {**LEASED, "LOG_FORMAT": "json"}),
    "text-gen-with-slow-uploads": Variant("text-gen", {"BODY_TIMEOUT_SECONDS": "0.3"}),
    "text-gen-impatient": Variant(
        "text-gen",
        {
            "CONNECT_TIMEOUT_SECONDS": "0.2",
            "FIRST_BYTE_TIMEOUT_SECONDS": "0.6",
            "IDLE_TIMEOUT_SECONDS": "0.6",
            "TOTAL_TIMEOUT_SECONDS": "3",
        },
    ),
    "text-gen-without-retries": Variant("text-gen", {"MAX_RETRIES": "0"}),
    "text-gen-without-keys": Variant("text-gen", {"ANTHROPIC_API_KEY": "", "OPENAI_API_KEY": ""}),
    "text-gen-with-wrong-keys": Variant(
        "text-gen", {"ANTHROPIC_API_KEY": PLANTED_SECRET, "OPENAI_API_KEY": PLANTED_SECRET}
    ),
    "text-gen-unreachable": Variant(
        "text-gen",
        {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9", "OPENAI_BASE_URL": "http://127.0.0.1:9", "MAX_RETRIES": "1"},
    ),
    # Two that share circuits as two isolates of one deployment do.
    "text-gen-with-circuits": Variant(
        "text-gen", {"CIRCUIT_FAILURES": "3", "CIRCUIT_OPEN_SECONDS": "2", "MAX_RETRIES": "0"}
    ),
    "text-gen-with-the-same-circuits": Variant(
        "text-gen", {"CIRCUIT_FAILURES": "3", "CIRCUIT_OPEN_SECONDS": "2", "MAX_RETRIES": "0", "LOG_FORMAT": "json"}
    ),
    "text-gen-limiter-open": Variant("text-gen", {"RATE_LIMIT_TIMEOUT_SECONDS": "1e-30", "RATE_LIMIT_FAILURE": "open"}),
    "text-gen-limiter-closed": Variant(
        "text-gen", {"RATE_LIMIT_TIMEOUT_SECONDS": "1e-30", "RATE_LIMIT_FAILURE": "closed"}
    ),
    # Deployed, because it must be proved that nothing but vars of the deployment opens it.
    "text-gen-with-keys-required": Variant("text-gen", KEYS_REQUIRED, deployed=True),
    "text-gen-without-money": Variant("text-gen", {"BUDGET_PER_DAY": "0"}),
    "text-gen-with-slow-budgets": Variant(
        "text-gen",
        {"BUDGET_PER_DAY": "5", "RATE_LIMIT_TIMEOUT_SECONDS": "1e-30", "RATE_LIMIT_POLICY": "none"},
    ),
    "text-gen-for-one-origin": Variant("text-gen", {"CORS_ORIGINS": "https://app.example, https://other.example"}),
    "text-gen-with-another-default": Variant("text-gen", {"DEFAULT_MODEL": "openai:gpt-4o-mini"}),
    "audio-gen-uncached": Variant("audio-gen", {"VOICES_CACHE_SECONDS": "0"}),
    "audio-gen-with-another-default": Variant(
        "audio-gen", {"DEFAULT_VOICE_ID": "JBFqnCBsd6RMkjVDRZzb", "DEFAULT_SPEECH_MODEL": "eleven_flash_v2_5"}
    ),
    "audio-gen-behind-a-domain": Variant("audio-gen", {"PUBLIC_BASE_URL": "https://media.example/de/"}),
    "audio-gen-metered": Variant(
        "audio-gen", {"RATE_LIMIT_POLICY": '"requests";q=1000;w=3600, "characters";q=100;qu="characters";w=3600'}
    ),
    "audio-gen-impatient": Variant(
        "audio-gen",
        {
            "CONNECT_TIMEOUT_SECONDS": "0.2",
            "FIRST_BYTE_TIMEOUT_SECONDS": "1.8",
            "IDLE_TIMEOUT_SECONDS": "0.6",
            "TOTAL_TIMEOUT_SECONDS": "4",
        },
    ),
    "audio-gen-without-keys": Variant("audio-gen", {"ELEVENLABS_API_KEY": ""}),
    "audio-gen-with-wrong-keys": Variant("audio-gen", {"ELEVENLABS_API_KEY": PLANTED_SECRET}),
    "audio-gen-on-the-free-plan": Variant("audio-gen", {"ELEVENLABS_API_KEY": "free-0001"}),
    "audio-gen-out-of-credit": Variant("audio-gen", {"ELEVENLABS_API_KEY": "broke-0001"}),
    "audio-gen-unreachable": Variant("audio-gen", {"ELEVENLABS_BASE_URL": "http://127.0.0.1:9", "MAX_RETRIES": "0"}),
    "audio-gen-with-keys-required": Variant("audio-gen", KEYS_REQUIRED),
    "stock-media-uncached": Variant("stock-media", {"STOCK_CACHE_SECONDS": "0"}),
    "stock-media-limited": Variant("stock-media", {"RATE_LIMIT_POLICY": '"requests";q=2;w=3600'}),
    "stock-media-impatient": Variant(
        "stock-media",
        {
            "CONNECT_TIMEOUT_SECONDS": "0.2",
            "FIRST_BYTE_TIMEOUT_SECONDS": "0.6",
            "IDLE_TIMEOUT_SECONDS": "0.6",
            "STOCK_CACHE_SECONDS": "0",
        },
    ),
    "stock-media-of-two-pages": Variant("stock-media", {"STOCK_MAX_PAGES": "2", "STOCK_CACHE_SECONDS": "0"}),
    "stock-media-with-keys-required": Variant("stock-media", KEYS_REQUIRED),
    "stock-media-without-keys": Variant("stock-media", {"PEXELS_API_KEY": ""}),
    "stock-media-with-wrong-keys": Variant("stock-media", {"PEXELS_API_KEY": PLANTED_SECRET}),
    "stock-media-unreachable": Variant("stock-media", {"PEXELS_BASE_URL": "http://127.0.0.1:9", "MAX_RETRIES": "0"}),
    "render-service-public": Variant("render-service", {"ALLOW_LOOPBACK_URLS": "false"}),
    "render-service-hurried": Variant("render-service", {"RENDER_TIMEOUT_SECONDS": "1", "MAX_RETRIES": "0"}),
    "render-service-giving-up": Variant("render-service", {"CALLBACK_GIVE_UP_SECONDS": "0.5"}),
    "render-service-unsigned": Variant("render-service", {"CALLBACK_SIGNING_SECRET": ""}),
    "render-service-impatient": Variant(
        "render-service", {"CONNECT_TIMEOUT_SECONDS": "0.2", "FIRST_BYTE_TIMEOUT_SECONDS": "0.6"}
    ),
    "render-service-without-keys": Variant("render-service", {"SHOTSTACK_API_KEY": ""}),
    "render-service-with-wrong-keys": Variant("render-service", {"SHOTSTACK_API_KEY": PLANTED_SECRET}),
    "render-service-unreachable": Variant("render-service", {"SHOTSTACK_BASE_URL": "http://127.0.0.1:9"}),
    "render-service-with-keys-required": Variant("render-service", KEYS_REQUIRED),
    "image-gen-of-small-files": Variant("image-gen", {"MAX_IMAGE_BYTES": "1000"}),
    "image-gen-with-another-default": Variant("image-gen", {"DEFAULT_IMAGE_MODEL": "openai:gpt-image-2"}),
    "image-gen-metered": Variant(
        "image-gen", {"RATE_LIMIT_POLICY": '"requests";q=1000;w=3600, "images";q=5;qu="images";w=3600'}
    ),
    "image-gen-impatient": Variant(
        "image-gen",
        {
            "CONNECT_TIMEOUT_SECONDS": "0.2",
            "FIRST_BYTE_TIMEOUT_SECONDS": "1.3",
            "IDLE_TIMEOUT_SECONDS": "0.6",
            "TOTAL_TIMEOUT_SECONDS": "6",
        },
    ),
    "image-gen-without-keys": Variant("image-gen", {"IDEOGRAM_API_KEY": "", "OPENAI_API_KEY": ""}),
    "image-gen-with-wrong-keys": Variant(
        "image-gen", {"IDEOGRAM_API_KEY": PLANTED_SECRET, "OPENAI_API_KEY": PLANTED_SECRET}
    ),
    "image-gen-unreachable": Variant(
        "image-gen", {"IDEOGRAM_BASE_URL": "http://127.0.0.1:9", "OPENAI_BASE_URL": "http://127.0.0.1:9"}
    ),
    "image-gen-with-keys-required": Variant("image-gen", {"AUTH_MODE": "required", "KEY_CACHE_SECONDS": "0"}),
    "sandbox-executor-of-few-turns": Variant("sandbox-executor", {"EXECUTE_MAX_TURNS": "3"}),
    "sandbox-executor-of-few-tokens": Variant("sandbox-executor", {"EXECUTE_MAX_TOKENS": "12000"}),
    "sandbox-executor-of-little-money": Variant("sandbox-executor", {"EXECUTE_MAX_COST_USD": "0.135"}),
    "sandbox-executor-in-a-hurry": Variant("sandbox-executor", {"EXECUTE_MAX_SECONDS": "1"}),
    "sandbox-executor-of-one-team": Variant(
        "sandbox-executor", {"ALLOWED_REPOSITORIES": "team/*, demo/empty", "ALLOWED_WORKER_PREFIXES": "team-"}
    ),
    "sandbox-executor-with-workflows": Variant("sandbox-executor", {"ALLOW_WORKFLOW_FILES": "true"}),
    "sandbox-executor-without-a-subdomain": Variant("sandbox-executor", {"CLOUDFLARE_API_TOKEN": "nosubdomain-0001"}),
    "sandbox-executor-with-a-wrong-token": Variant("sandbox-executor", {"CLOUDFLARE_API_TOKEN": PLANTED_SECRET}),
    "sandbox-executor-without-keys": Variant(
        "sandbox-executor", {"ANTHROPIC_API_KEY": "", "GITHUB_PAT": "", "CLOUDFLARE_API_TOKEN": ""}
    ),
    "text-gen-misconfigured": Variant("text-gen", {"MAX_RETRIES": "some"}),
}
