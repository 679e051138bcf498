-- One row for each API key. Only the SHA-256 of the key is stored; `id` is its public part. `scopes` are separated by
-- spaces, times are ISO 8601. `rate_limit_policy` replaces that of the deployment; NULL means that of the deployment.
CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  environment TEXT NOT NULL,
  hash TEXT NOT NULL,
  name TEXT NOT NULL,
  owner TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT,
  revoked_at TEXT,
  last_used_at TEXT,
  rate_limit_policy TEXT
);
