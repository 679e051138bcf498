-- Sums of the usage ledger for GET /metrics. A trigger adds each row of `usage` in the transaction that inserts it, so the
-- sums never run back and outlive the deletion of old rows. Calls that failed have no model: callers can name any.
-- `latency_le_250` counts the calls that took at most 250 ms.
CREATE TABLE usage_totals (
  worker TEXT NOT NULL,
  route TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  unit TEXT NOT NULL,
  status INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  input_units INTEGER NOT NULL,
  output_units INTEGER NOT NULL,
  cost_microusd INTEGER NOT NULL,
  latency_ms_sum INTEGER NOT NULL,
  latency_le_100 INTEGER NOT NULL,
  latency_le_250 INTEGER NOT NULL,
  latency_le_500 INTEGER NOT NULL,
  latency_le_1000 INTEGER NOT NULL,
  latency_le_2500 INTEGER NOT NULL,
  latency_le_5000 INTEGER NOT NULL,
  latency_le_10000 INTEGER NOT NULL,
  latency_le_30000 INTEGER NOT NULL,
  latency_le_60000 INTEGER NOT NULL,
  upstream_ms_sum INTEGER NOT NULL,
  upstream_le_100 INTEGER NOT NULL,
  upstream_le_250 INTEGER NOT NULL,
  upstream_le_500 INTEGER NOT NULL,
  upstream_le_1000 INTEGER NOT NULL,
  upstream_le_2500 INTEGER NOT NULL,
  upstream_le_5000 INTEGER NOT NULL,
  upstream_le_10000 INTEGER NOT NULL,
  upstream_le_30000 INTEGER NOT NULL,
  upstream_le_60000 INTEGER NOT NULL,
  PRIMARY KEY (worker, route, provider, model, unit, status)
) WITHOUT ROWID;

INSERT INTO usage_totals
SELECT
  worker, route, provider, CASE WHEN status < 400 THEN model ELSE '' END, unit, status, COUNT(*),
  SUM(input_units), SUM(output_units), SUM(COALESCE(estimated_cost_microusd, 0)), SUM(latency_ms),
  SUM(latency_ms <= 100), SUM(latency_ms <= 250), SUM(latency_ms <= 500), SUM(latency_ms <= 1000),
  SUM(latency_ms <= 2500), SUM(latency_ms <= 5000), SUM(latency_ms <= 10000), SUM(latency_ms <= 30000),
  SUM(latency_ms <= 60000), SUM(upstream_ms), SUM(upstream_ms <= 100), SUM(upstream_ms <= 250),
  SUM(upstream_ms <= 500), SUM(upstream_ms <= 1000), SUM(upstream_ms <= 2500), SUM(upstream_ms <= 5000),
  SUM(upstream_ms <= 10000), SUM(upstream_ms <= 30000), SUM(upstream_ms <= 60000)
FROM usage GROUP BY 1, 2, 3, 4, 5, 6;

CREATE TRIGGER usage_adds_to_totals AFTER INSERT ON usage BEGIN
  INSERT INTO usage_totals VALUES (
    NEW.worker, NEW.route, NEW.provider, CASE WHEN NEW.status < 400 THEN NEW.model ELSE '' END, NEW.unit,
    NEW.status, 1, NEW.input_units, NEW.output_units, COALESCE(NEW.estimated_cost_microusd, 0), NEW.latency_ms,
    NEW.latency_ms <= 100, NEW.latency_ms <= 250, NEW.latency_ms <= 500, NEW.latency_ms <= 1000,
    NEW.latency_ms <= 2500, NEW.latency_ms <= 5000, NEW.latency_ms <= 10000, NEW.latency_ms <= 30000,
    NEW.latency_ms <= 60000, NEW.upstream_ms, NEW.upstream_ms <= 100, NEW.upstream_ms <= 250,
    NEW.upstream_ms <= 500, NEW.upstream_ms <= 1000, NEW.upstream_ms <= 2500, NEW.upstream_ms <= 5000,
    NEW.upstream_ms <= 10000, NEW.upstream_ms <= 30000, NEW.upstream_ms <= 60000
  ) ON CONFLICT DO UPDATE SET
    calls = calls + excluded.calls, input_units = input_units + excluded.input_units,
    output_units = output_units + excluded.output_units,
    cost_microusd = cost_microusd + excluded.cost_microusd,
    latency_ms_sum = latency_ms_sum + excluded.latency_ms_sum,
    latency_le_100 = latency_le_100 + excluded.latency_le_100,
    latency_le_250 = latency_le_250 + excluded.latency_le_250,
    latency_le_500 = latency_le_500 + excluded.latency_le_500,
    latency_le_1000 = latency_le_1000 + excluded.latency_le_1000,
    latency_le_2500 = latency_le_2500 + excluded.latency_le_2500,
    latency_le_5000 = latency_le_5000 + excluded.latency_le_5000,
    latency_le_10000 = latency_le_10000 + excluded.latency_le_10000,
    latency_le_30000 = latency_le_30000 + excluded.latency_le_30000,
    latency_le_60000 = latency_le_60000 + excluded.latency_le_60000,
    upstream_ms_sum = upstream_ms_sum + excluded.upstream_ms_sum,
    upstream_le_100 = upstream_le_100 + excluded.upstream_le_100,
    upstream_le_250 = upstream_le_250 + excluded.upstream_le_250,
    upstream_le_500 = upstream_le_500 + excluded.upstream_le_500,
    upstream_le_1000 = upstream_le_1000 + excluded.upstream_le_1000,
    upstream_le_2500 = upstream_le_2500 + excluded.upstream_le_2500,
    upstream_le_5000 = upstream_le_5000 + excluded.upstream_le_5000,
    upstream_le_10000 = upstream_le_10000 + excluded.upstream_le_10000,
    upstream_le_30000 = upstream_le_30000 + excluded.upstream_le_30000,
    upstream_le_60000 = upstream_le_60000 + excluded.upstream_le_60000;
END;
