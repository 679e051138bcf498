-- One row for each requested render, inserted before it is submitted. `status` is that of GET /render, or `submitting`
-- (no response yet) or `unconfirmed` (the response was lost, but it may be rendering). Times are ISO 8601.
CREATE TABLE renders (
  id TEXT PRIMARY KEY,
  request_id TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  key_id TEXT,
  instance_id TEXT,
  project_id TEXT,
  provider TEXT NOT NULL,
  environment TEXT NOT NULL,
  provider_id TEXT,
  provider_url TEXT,
  status TEXT NOT NULL,
  error TEXT,
  format TEXT NOT NULL,
  resolution TEXT,
  base_url TEXT NOT NULL,
  duration_seconds REAL,
  render_time_ms INTEGER,
  size_bytes INTEGER,
  callback_url TEXT,
  callback_status TEXT,
  callback_attempts INTEGER NOT NULL DEFAULT 0,
  callback_last_status INTEGER
);

CREATE INDEX renders_by_time ON renders (created_at);
CREATE INDEX renders_unfinished ON renders (updated_at)
  WHERE status NOT IN ('done', 'failed') OR callback_status = 'pending';
