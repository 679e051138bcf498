-- One row for each execution, inserted before the first call of the model and updated after each turn. `status` is
-- `running`, `succeeded`, `failed` or `cancelled`; `answer` is the JSON of the response, or of what exists so far.
-- Times are ISO 8601.
CREATE TABLE executions (
  id TEXT PRIMARY KEY,
  request_id TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  key_id TEXT,
  instance_id TEXT,
  project_id TEXT,
  task TEXT NOT NULL,
  repo TEXT,
  branch TEXT,
  model TEXT NOT NULL,
  status TEXT NOT NULL,
  ended_by TEXT,
  error TEXT,
  error_code TEXT,
  error_status INTEGER,
  answer TEXT,
  idempotency_key TEXT,
  request_hash TEXT NOT NULL
);

CREATE INDEX executions_by_time ON executions (created_at);
CREATE UNIQUE INDEX executions_by_idempotency_key ON executions (key_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
