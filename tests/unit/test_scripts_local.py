"""`.dev.vars`, and the settings that direct calls to the emulators."""

from pathlib import Path

import local


def test_dev_vars_when_read_then_names_and_values(tmp_path: Path) -> None:
    path = tmp_path / ".dev.vars"
    path.write_text(
        "# keys\n"
        "ANTHROPIC_API_KEY=sk-ant-1\n"
        ' OPENAI_API_KEY = "sk-2" \n'
        "POLICY='a=b;c=d'\n"
        "#SHOTSTACK_API_KEY=off\n"
        "  # PEXELS_API_KEY=off\n"
        "EMPTY=\n"
        'QUOTED=""\n'
        "no equals sign\n"
        "\n"
    )

    assert local.read_dev_vars(path) == {
        "ANTHROPIC_API_KEY": "sk-ant-1",
        "OPENAI_API_KEY": "sk-2",
        "POLICY": "a=b;c=d",
    }


def test_dev_vars_when_the_file_is_missing_then_empty(tmp_path: Path) -> None:
    assert local.read_dev_vars(tmp_path / ".dev.vars") == {}


def test_emulated_vars_when_built_then_key_and_url_per_provider() -> None:
    assert local.emulated_vars({"openai": "http://127.0.0.1:1/openai/v1"}) == {
        "OPENAI_API_KEY": "emulated",
        "OPENAI_BASE_URL": "http://127.0.0.1:1/openai/v1",
    }


def test_emulated_vars_when_names_differ_then_those_names() -> None:
    base_urls = {"github": "http://127.0.0.1:1/github", "cloudflare": "http://127.0.0.1:1/cloudflare/client/v4"}

    assert local.emulated_vars(base_urls) == {
        "GITHUB_PAT": "emulated",
        "GITHUB_BASE_URL": "http://127.0.0.1:1/github",
        "CLOUDFLARE_API_TOKEN": "emulated",
        "CLOUDFLARE_ACCOUNT_ID": "0" * 32,
        "CLOUDFLARE_BASE_URL": "http://127.0.0.1:1/cloudflare/client/v4",
        "WORKERS_DEV_URL": "http://127.0.0.1:1/cloudflare/workers.dev/{name}",
    }
