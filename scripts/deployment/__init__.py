"""Deployments to Cloudflare: what `npm run deploy` and `npm run secrets` do. Standard library only."""
