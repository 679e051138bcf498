-- One row for each `Idempotency-Key` of the last 24 hours, inserted before the request's work begins. `caller` is a
-- key's public id or a client's address, `route` the worker's name and the path pattern. `claim` names the request that
-- has the key. `status` is NULL until the answer is kept; `ended` is 1 once no answer will come any more, and 0 while
-- the request runs or if it was killed. `headers` is a JSON list of pairs. Times are ISO 8601.
CREATE TABLE idempotent_answers (
  caller TEXT NOT NULL,
  route TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  claim TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  created_at TEXT NOT NULL,
  ended INTEGER NOT NULL DEFAULT 0,
  status INTEGER,
  headers TEXT,
  body TEXT,
  PRIMARY KEY (caller, route, idempotency_key)
);

CREATE INDEX idempotent_answers_by_time ON idempotent_answers (created_at);
