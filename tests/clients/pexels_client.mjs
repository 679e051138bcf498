// Make calls with the official `pexels` client and print their results as one JSON array.
//
//   node tests/clients/pexels_client.mjs http://127.0.0.1:8800/pexels KEY '[["videos.search", {"query": "ocean"}]]'
//
// Each result is {"value": ...} or {"error": "..."}. The client always calls https://api.pexels.com, so `fetch` is
// replaced by one that calls the base URL.

import { createRequire } from "node:module";

const [baseUrl, key, calls] = process.argv.slice(2);
const realFetch = globalThis.fetch;
globalThis.fetch = (url, options) => realFetch(url.replace("https://api.pexels.com", baseUrl), options);
const { createClient } = createRequire(import.meta.url)("pexels");
const client = createClient(key);

const results = [];
for (const [name, params] of JSON.parse(calls)) {
  const [group, method] = name.split(".");
  try {
    results.push({ value: await client[group][method](params) });
  } catch (error) {
    results.push({ error: error.message });
  }
}
console.log(JSON.stringify(results));
