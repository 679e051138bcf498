-- One row for each attempt to change a Worker at Cloudflare, inserted before it starts. `action` is `deploy`,
-- `rollback` or `delete`; `status` is `pending`, `deployed` (live: at most one row of a Worker), `unconfirmed` (only
-- Cloudflare knows), `replaced`, `rolled_back`, `deleted` or `failed`. Secrets are stored by name only. Times are
-- ISO 8601.
CREATE TABLE deployments (
  id INTEGER PRIMARY KEY,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  request_id TEXT NOT NULL,
  key_id TEXT,
  instance_id TEXT,
  project_id TEXT,
  action TEXT NOT NULL,
  worker_name TEXT NOT NULL,
  status TEXT NOT NULL,
  worker_id TEXT,
  version TEXT,
  previous_version TEXT,
  url TEXT,
  secret_names TEXT NOT NULL,
  startup_time_ms INTEGER,
  deployed_at TEXT,
  error_code TEXT
);

CREATE INDEX deployments_by_time ON deployments (created_at);
CREATE INDEX deployments_by_worker ON deployments (worker_name, id);
