-- The W3C traceparent of the request that asked for a render: its Workflow and its callback belong to the same trace.
ALTER TABLE renders ADD COLUMN traceparent TEXT;
