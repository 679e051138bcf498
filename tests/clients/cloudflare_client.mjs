// Make calls with the official `cloudflare` client and print their results as one JSON array.
//
//   node tests/clients/cloudflare_client.mjs http://127.0.0.1:8800/cloudflare/client/v4 TOKEN \
//     '[["workers.scripts.subdomain.get", ["hello", {"account_id": "..."}]]]'
//
// `{"$file": {"name", "type", "content"}}` is sent as a file. Each result is {"value"} (of a page, its `result`)
// or {"status", "errors"}.

import { createRequire } from "node:module";

const [baseURL, apiToken, calls] = process.argv.slice(2);
const { Cloudflare, toFile } = createRequire(import.meta.url)("cloudflare");
const client = new Cloudflare({ baseURL, apiToken, maxRetries: 0 });

async function replaceFiles(value) {
  if (Array.isArray(value)) return Promise.all(value.map(replaceFiles));
  if (typeof value !== "object" || value === null) return value;
  if (value.$file) return toFile(Buffer.from(value.$file.content), value.$file.name, { type: value.$file.type });
  const fields = Object.entries(value).map(async ([name, field]) => [name, await replaceFiles(field)]);
  return Object.fromEntries(await Promise.all(fields));
}

const results = [];
for (const [name, parameters] of JSON.parse(calls)) {
  const path = name.split(".");
  const method = path.pop();
  const resource = path.reduce((parent, part) => parent[part], client);
  try {
    const value = await resource[method](...(await replaceFiles(parameters)));
    results.push({ value: value?.getPaginatedItems ? value.result : value });
  } catch (error) {
    results.push({ status: error.status, errors: error.errors ?? error.message });
  }
}
console.log(JSON.stringify(results));
