"""Everything that calling a provider takes: client, errors, checked reading, server-sent events, quotas, prices."""
