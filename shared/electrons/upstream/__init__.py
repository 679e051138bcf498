"""How any provider is called: the client, errors, server-sent events, quotas, prices."""
