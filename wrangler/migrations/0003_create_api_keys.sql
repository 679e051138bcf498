-- One row for each API key. Of the key itself only its SHA-256 is kept; `id` is the public part of it. `scopes` are separated
-- by spaces, times are ISO 8601. `rate_limit_policy` takes the place of the deployment's; NULL leaves that in force.
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
