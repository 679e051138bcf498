// Make calls with the official Octokit and print their results as one JSON array.
//
//   node tests/clients/github_client.mjs http://127.0.0.1:8800/github TOKEN '[["git.getRef", {"owner": "demo", ...}]]'
//
// Each result is {"value": ...} or {"error": {"name", "status", "message", "headers"}}.

import { Octokit } from "@octokit/rest";

const [baseUrl, auth, calls] = process.argv.slice(2);
const octokit = new Octokit({ auth, baseUrl, log: { debug() {}, info() {}, warn() {}, error() {} } });

const results = [];
for (const [name, parameters] of JSON.parse(calls)) {
  const [group, method] = name.split(".");
  try {
    results.push({ value: (await octokit.rest[group][method](parameters)).data });
  } catch (error) {
    const { status, message, response } = error;
    results.push({ error: { name: error.name, status, message, headers: response?.headers } });
  }
}
console.log(JSON.stringify(results));
