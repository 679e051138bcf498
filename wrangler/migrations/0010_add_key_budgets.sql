-- What a key may spend, a list like `5/day, 50/month` in US dollars, and the models that it may use, separated by spaces.
-- NULL is no budget of its own, and all models. `GET /v1/usage` reads the usage of one key.
ALTER TABLE api_keys ADD COLUMN budget TEXT;

ALTER TABLE api_keys ADD COLUMN models TEXT;

CREATE INDEX usage_by_key ON usage (key_id, created_at) WHERE key_id IS NOT NULL;
