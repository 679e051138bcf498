-- One row for each call that reached a provider. Units are the provider's own and named by `unit`; costs are estimates in
-- millionths of a US dollar by the price list of `price_date`, NULL where the model has no known price.
CREATE TABLE usage (
  id INTEGER PRIMARY KEY,
  request_id TEXT NOT NULL,
  created_at TEXT NOT NULL,
  worker TEXT NOT NULL,
  route TEXT NOT NULL,
  key_id TEXT,
  instance_id TEXT,
  project_id TEXT,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  unit TEXT NOT NULL,
  input_units INTEGER NOT NULL,
  output_units INTEGER NOT NULL,
  status INTEGER NOT NULL,
  error_code TEXT,
  latency_ms INTEGER NOT NULL,
  upstream_ms INTEGER NOT NULL,
  estimated_cost_microusd INTEGER,
  price_date TEXT
);

CREATE INDEX usage_by_time ON usage (created_at);
CREATE INDEX usage_by_request ON usage (request_id);
