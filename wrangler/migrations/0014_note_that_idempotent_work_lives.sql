-- `seen_at` is when the request that has the key last reported that it is alive, after its first call that may cost money
-- or change something. NULL: it does not report, because it has not come so far, its work outlives it, or its worker does
-- not know the column.
ALTER TABLE idempotent_answers ADD COLUMN seen_at TEXT;
