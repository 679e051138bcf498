"""Pull requests: ask for a branch to be merged."""

from __future__ import annotations

from pydantic_core import from_json

from electrons.context import Context
from electrons.errors import ProviderAuthError, ProviderError, ProviderRateLimitError
from electrons.providers.github.provider import GitHubProvider
from electrons.upstream.client import call_provider, iterate_body, open_response
from electrons.upstream.failures import parsing


async def open_pull(
    context: Context, github: GitHubProvider, repo: str, *, title: str, body: str, head: str, base: str
) -> str:
    """Return the page of a pull request from `head` into `base`: a new one, or the one that is already open.

    Raises `ProviderError` and what derives from it.
    """
    request = github.build_pull(repo, title=title, body=body, head=head, base=base)
    try:
        return await call_provider(context, github, request, github.parse_pull)
    except (ProviderAuthError, ProviderRateLimitError):
        raise
    except ProviderError as error:
        # It may exist: from an earlier commit to this branch, or because only the response was lost.
        try:
            found = await find_pull(context, github, repo, head=head, base=base)
        except ProviderError:
            found = None
        if found is None:
            raise error from None
        return found


async def find_pull(context: Context, github: GitHubProvider, repo: str, *, head: str, base: str) -> str | None:
    """Return the page of the open pull request from `head` into `base`, None if there is none."""
    async with open_response(context, github, github.build_pull_search(repo, head=head, base=base)) as response:
        content = b"".join([chunk async for chunk in iterate_body(github, response)])
    with parsing(github):
        pulls = from_json(content)
        return github.parse_pull(pulls[0]) if pulls else None
