-- What a Workflow needs to run an execution: its request and its caller, as JSON. A row is deleted when its execution
-- ends. `begun` is the number of the last step that may have cost money or changed something, `woken` how often the
-- Workflow was asked to go on. `executions.outcome` is JSON: the usage, and the error with all of its facts.
CREATE TABLE execution_work (
  id TEXT PRIMARY KEY,
  created_at TEXT NOT NULL,
  work TEXT NOT NULL,
  begun INTEGER NOT NULL DEFAULT 0,
  woken INTEGER NOT NULL DEFAULT 0,
  woken_at TEXT
);

ALTER TABLE executions ADD COLUMN outcome TEXT;
