-- `file` names the object that has an answer's body, where `body` is NULL: in the bucket of the worker that made it.
-- `spending` is 1 from right before the request's first call that may cost money or change something. A request that
-- was killed before is done again. A worker that does not know the column marks every request.
ALTER TABLE idempotent_answers ADD COLUMN file TEXT;
ALTER TABLE idempotent_answers ADD COLUMN spending INTEGER NOT NULL DEFAULT 1;
