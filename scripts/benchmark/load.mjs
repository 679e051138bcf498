// Sends one request many times and prints how long the responses took, as JSON: node load.mjs '{"url": ...}'.
//   url, method, headers, body   the request (default: a POST)
//   clients                      number of concurrent clients, each on a connection of its own (default: 1)
//   requests                     number of requests in total (default: 500), after `warmup` (default: 50) uncounted ones
//   frame_ms                     time between two frames of a stream that the upstream paces; 0 for any other response
// Output: { p50, p99: ms to the whole response, first: ms to the first byte of its body (p50), per_second,
//   frames: in a response, late: share of the frames that came more than LATE_MS after their time }
import { Agent, request } from "node:http";

const LATE_MS = 100;
const defaults = { method: "POST", clients: 1, requests: 500, warmup: 50, headers: {}, body: "", frame_ms: 0 };
const options = { ...defaults, ...JSON.parse(process.argv[2]) };
const agent = new Agent({ keepAlive: true, maxSockets: options.clients });
const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(options.body) };

// The time of each frame, counted from the first one of its response.
class Frames {
  #ended = false;
  #first;
  times = [];

  read(chunk, now) {
    for (const byte of chunk) {
      if (byte === 10 && this.#ended) {
        this.#first ??= now;
        this.times.push(now - this.#first);
      }
      this.#ended = byte === 10 && !this.#ended;
    }
  }
}

function send() {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const outgoing = request(options.url, {
      method: options.method,
      agent,
      headers: { ...headers, ...options.headers },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const frames = new Frames();
      let first;
      response.on("data", (chunk) => {
        const now = performance.now() - started;
        first ??= now;
        frames.read(chunk, now);
      });
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve({ whole: performance.now() - started, first, frames: frames.times });
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
const frames = results.flatMap((result) => result.frames);
const late = results.flatMap(({ frames }) => frames.filter((time, index) => time > index * options.frame_ms + LATE_MS));
console.log(
  JSON.stringify({
    p50: percentile(whole, 0.5),
    p99: percentile(whole, 0.99),
    first: percentile(first, 0.5),
    per_second: results.length / seconds,
    frames: frames.length / results.length,
    late: options.frame_ms ? late.length / frames.length : 0,
  }),
);
agent.destroy();
