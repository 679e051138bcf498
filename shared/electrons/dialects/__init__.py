"""The wire formats of OpenAI's and Anthropic's APIs, so that their clients work with only their base URL changed."""
