-- One row for each call that reached a provider. The units are the provider's own, named in `unit`; costs are estimates
-- in millionths of a US dollar from the price list of `price_date`, or NULL if the model's price is not known.
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
