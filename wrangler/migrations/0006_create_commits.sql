-- One row for each requested commit, inserted before the first call of GitHub: who requested it, what, and the result.
-- `message` is the first line. A row without `sha` and `error_code` was in progress when it was last updated. Times are
-- ISO 8601.
CREATE TABLE commits (
  id TEXT PRIMARY KEY,
  request_id TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  key_id TEXT,
  instance_id TEXT,
  project_id TEXT,
  repo TEXT NOT NULL,
  branch TEXT NOT NULL,
  message TEXT NOT NULL,
  path_count INTEGER NOT NULL,
  sha TEXT,
  pr_url TEXT,
  error TEXT,
  error_code TEXT
);

CREATE INDEX commits_by_time ON commits (created_at);
CREATE INDEX commits_by_request ON commits (request_id);
