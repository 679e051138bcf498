// Sends one request many times and prints how long the responses took, as JSON: node scripts/load.mjs '{"url": ...}'.
//   url, headers, body   the request, a POST
//   clients              number of concurrent clients, each on a connection of its own (default: 1)
//   requests             number of requests in total (default: 500), after `warmup` (default: 50) that are not counted
// Output: { p50, p99: ms to the whole response, first: ms to the first byte of its body (p50), per_second }
import { Agent, request } from "node:http";

const options = { clients: 1, requests: 500, warmup: 50, headers: {}, ...JSON.parse(process.argv[2]) };
const agent = new Agent({ keepAlive: true, maxSockets: options.clients });
const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(options.body) };

function send() {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const outgoing = request(options.url, { method: "POST", agent, headers: { ...headers, ...options.headers } });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      let first;
      response.on("data", () => (first ??= performance.now() - started));
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve({ whole: performance.now() - started, first });
        else reject(new Error(`${options.url} returned status ${response.statusCode}`));
      });
    });
    outgoing.end(options.body);
  });
}

async function run(count) {
  const results = [];
  let left = count;
  const client = async () => {
    while (left-- > 0) results.push(await send());
  };
  await Promise.all(Array.from({ length: options.clients }, client));
  return results;
}

const percentile = (values, share) => values.sort((a, b) => a - b)[Math.floor((values.length - 1) * share)];

await run(options.warmup);
const started = performance.now();
const results = await run(options.requests);
const seconds = (performance.now() - started) / 1000;
const whole = results.map((result) => result.whole);
const first = results.map((result) => result.first);
const figures = { p50: percentile(whole, 0.5), p99: percentile(whole, 0.99), first: percentile(first, 0.5) };
console.log(JSON.stringify({ ...figures, per_second: results.length / seconds }));
agent.destroy();
