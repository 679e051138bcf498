"""What `npm run bench` consists of: the load, the upstream, the other gateways, and what processes use."""
