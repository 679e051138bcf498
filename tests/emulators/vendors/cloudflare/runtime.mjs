// Runs uploaded Workers, each on a workerd of its own, for the Cloudflare emulator (`runtime.py`).
//
// Commands are JSON, one per line. The result of each has its `id`, and `error` or (for a start) `url` and `ms`, the time
// that it took:
//
//   {"id": 1, "op": "start", "key": "a", "worker": {"serviceWorker": false,
//     "modules": [{"type": "ESModule", "path": "index.js", "contents": "<base64>"}], "bindings": {"NAME": "value"},
//     "compatibilityDate": "2026-10-01", "compatibilityFlags": []}}
//   {"id": 2, "op": "stop", "key": "a"}
//
// It ends, with every workerd, when its standard input closes, so it never outlives the emulators.

import path from "node:path";
import { createInterface } from "node:readline";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { compatibilityDate as newestDate } from "workerd";
import { pyodideBundle } from "../../../../wrangler/snapshot.mjs";
import { LOCAL_FLAGS } from "../../../../wrangler/workers.mjs";

const host = "127.0.0.1";
const startSeconds = { javascript: 10, python: 120 };
const running = new Map(); // Miniflare by key
const bundle = await pyodideBundle(path.resolve(import.meta.dirname, "../../../.."));

console.log = console.info = console.error; // standard output has the results only

// Runs before the Worker like Cloudflare's edge: the URL is the public one, and a header marks an error that the Worker
// throws. The response to the host `pulse` shows that this workerd is not blocked.
const EDGE = `export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.host === "pulse") return new Response(null, { status: 204 });
    url.protocol = "https:";
    try {
      return await env.WORKER.fetch(new Request(url, request), { redirect: "manual" });
    } catch (error) {
      return new Response(String(error?.stack ?? error), { status: 500, headers: { "x-emulator-threw": "1" } });
    }
  },
};`;

class NoLog extends Log {
  log() {}
}

async function start({ key, worker }) {
  const since = performance.now();
  const python = worker.modules.some(({ type }) => type === "PythonModule");
  const messages = [];
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      host,
      port: 0,
      cf: false,
      telemetry: { enabled: false },
      log: new NoLog(LogLevel.NONE),
      handleStructuredLogs: ({ message }) => messages.push(message),
      unsafeRuntimeEnv: { PYODIDE_BUNDLE_DIR: bundle },
      workers: [
        {
          name: "edge",
          modulesRoot: "/",
          modules: [{ type: "ESModule", path: "/edge.mjs", contents: EDGE }],
          compatibilityDate: newestDate,
          serviceBindings: { WORKER: "worker" },
          unsafeDirectSockets: [{ host, port: 0 }],
        },
        {
          name: "worker",
          bindings: worker.bindings,
          // workerd does not accept today's date.
          compatibilityDate: [worker.compatibilityDate, newestDate].sort()[0],
          compatibilityFlags: [...worker.compatibilityFlags, ...(python ? LOCAL_FLAGS : [])],
          ...sources(worker),
        },
      ],
    }),
  );
  running.set(key, runtime);
  try {
    await within(startSeconds[python ? "python" : "javascript"], runtime.ready);
    return { url: (await runtime.unsafeGetDirectURL("edge")).origin, ms: Math.round(performance.now() - since) };
  } catch (error) {
    await stop({ key });
    throw new Error(explain(messages) ?? error.message);
  }
}

async function stop({ key }) {
  const runtime = running.get(key);
  running.delete(key);
  await runtime?.dispose().catch(() => {});
  return {};
}

function sources({ serviceWorker, modules }) {
  if (serviceWorker) return { script: Buffer.from(modules[0].contents, "base64").toString("utf8") };
  return { modulesRoot: "/", modules: modules.map(readModule) };
}

function readModule({ type, path, contents }) {
  const bytes = Buffer.from(contents, "base64");
  const binary = type === "Data" || type === "CompiledWasm";
  return { type, path: `/${path}`, contents: binary ? bytes : bytes.toString("utf8") };
}

async function within(seconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("Script startup exceeded CPU time limit.")), seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns workerd's messages about the Worker that did not start, without the frames below Python's. */
function explain(messages) {
  const prefix = "service core:user:worker: ";
  const errors = messages
    .filter((message) => message.startsWith(prefix))
    .map((message) => message.slice(prefix.length));
  if (errors.length === 0) return undefined;
  return errors
    .join("\n")
    .replace(/^ +at (pyodide\S*:|wasm:).*\n?/gm, "")
    .trim();
}

async function perform({ id, op, ...command }) {
  let result;
  try {
    result = await (op === "start" ? start(command) : stop(command));
  } catch (error) {
    result = { error: error.message };
  }
  process.stdout.write(`${JSON.stringify({ id, ...result })}\n`);
}

createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
  .on("line", (line) => perform(JSON.parse(line)))
  .on("close", async () => {
    await Promise.all([...running.keys()].map((key) => stop({ key })));
    process.exit(0);
  });
