-- `first_id` is the id of the key that a rotated key descends from, NULL for a key that was created. What belongs to one
-- key of such a line, like a deployed Worker, belongs to each of them.
ALTER TABLE api_keys ADD COLUMN first_id TEXT;

-- Executions that nobody has ended: they are looked for before each new one.
CREATE INDEX executions_running ON executions (updated_at) WHERE status = 'running';
