-- One row for each commit that was asked for, written before GitHub is: who asked, for what, and what became of it. `message`
-- is the first line. Without `sha` and without `error_code` it was going on when it was last seen. Times are ISO 8601.
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
