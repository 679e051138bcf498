// What an uploaded Worker and its workerd need as options for miniflare, on a workerd of its own or a shared one.
import path from "node:path";
import { Log, LogLevel, Response } from "miniflare";
import { compatibilityDate as newestDate } from "workerd";
import { LOCAL_FLAGS } from "../../../../wrangler/workers.mjs";

const host = "127.0.0.1";

export const root = path.resolve(import.meta.dirname, "../../../..");

/** The name of the Worker before all others. Scripts have no capital letters in their names, so it is none of them. */
export const EDGE_NAME = "Edge";

/** The header by which a request names the Worker that it is for. */
const TARGET = "x-emulator-worker";

/** The header with the cron expression of a scheduled event, whose time is in `Date`. */
const CRON = "x-emulator-cron";

// Runs before the Worker like Cloudflare's edge: the URL is the public one, and a header marks an error that the Worker
// throws. The response to the host `pulse` shows that this workerd is not blocked. A request with a cron expression calls
// the Worker's `scheduled` and returns the outcome.
const EDGE = `export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.host === "pulse") return new Response(null, { status: 204 });
    url.protocol = "https:";
    const forwarded = new Request(url, request);
    forwarded.headers.delete("${TARGET}");
    const worker = env[request.headers.get("${TARGET}")];
    const cron = request.headers.get("${CRON}");
    try {
      if (cron === null) return await worker.fetch(forwarded, { redirect: "manual" });
      return Response.json(await worker.scheduled({ cron, scheduledTime: new Date(request.headers.get("date")) }));
    } catch (error) {
      return new Response(String(error?.stack ?? error), { status: 500, headers: { "x-emulator-threw": "1" } });
    }
  },
};`;

/** Return the Worker that receives the requests for the Workers `targets`; port 0 means a free one. */
export function edge({ port = 0, targets }) {
  return {
    name: EDGE_NAME,
    modulesRoot: "/",
    modules: [{ type: "ESModule", path: "/edge.mjs", contents: EDGE }],
    compatibilityDate: newestDate,
    compatibilityFlags: ["service_binding_extra_handlers"],
    serviceBindings: Object.fromEntries(targets.map((name) => [name, name])),
    unsafeDirectSockets: [{ host, port }],
  };
}

const TAIL = "Tail";

// Receives what a Worker logs, with each of its events (https://developers.cloudflare.com/workers/observability/logs/
// tail-workers/), and passes it on.
const TAIL_WORKER = `export default {
  async tail(events, env, ctx) {
    const body = JSON.stringify({ worker: ctx.props.worker, events });
    await env.SINK.fetch("http://sink/", { method: "POST", body });
  },
};`;

/** Return the Worker that calls `listen({ worker, events })` with the events of all others. */
export function tailWorker(listen) {
  return {
    name: TAIL,
    modulesRoot: "/",
    modules: [{ type: "ESModule", path: "/tail.mjs", contents: TAIL_WORKER }],
    compatibilityDate: newestDate,
    serviceBindings: {
      async SINK(request) {
        listen(await request.json());
        return new Response(null, { status: 204 });
      },
    },
  };
}

class NoLog extends Log {
  log() {}
}

/** Return the options of a workerd, whose messages are appended to `messages`. */
export function sharedOptions({ bundle, messages }) {
  return {
    host,
    port: 0,
    cf: false,
    telemetry: { enabled: false },
    log: new NoLog(LogLevel.NONE),
    handleStructuredLogs: ({ message }) => messages.push(message),
    unsafeRuntimeEnv: { PYODIDE_BUNDLE_DIR: bundle },
  };
}

/** Return the options of a Worker: its code and its vars. Its events come with the name `tailed`. */
export function workerOptions(code, vars, tailed) {
  return {
    bindings: vars,
    tails: [{ name: TAIL, props: { worker: tailed } }],
    // workerd does not accept today's date.
    compatibilityDate: [code.compatibilityDate, newestDate].sort()[0],
    compatibilityFlags: [...code.compatibilityFlags, ...(isPython(code) ? LOCAL_FLAGS : [])],
    ...readSources(code),
  };
}

export const isPython = ({ modules }) => modules.some(({ type }) => type === "PythonModule");

/** Return a Worker's modules, or the text of its script, for miniflare. */
export function readSources({ serviceWorker, modules }) {
  if (serviceWorker) return { script: Buffer.from(modules[0].contents, "base64").toString("utf8") };
  return { modulesRoot: "/", modules: modules.map(readModule) };
}

function readModule({ type, path, contents }) {
  const bytes = Buffer.from(contents, "base64");
  const binary = type === "Data" || type === "CompiledWasm";
  return { type, path: `/${path}`, contents: binary ? bytes : bytes.toString("utf8") };
}

/** Return workerd's messages about the Worker `name` that did not start, without the frames below Python's. */
export function explain(messages, name) {
  const prefix = `service core:user:${name}: `;
  const errors = messages
    .filter((message) => message.startsWith(prefix))
    .map((message) => message.slice(prefix.length));
  if (errors.length === 0) return undefined;
  return errors
    .join("\n")
    .replace(/^ +at (pyodide\S*:|wasm:).*\n?/gm, "")
    .trim();
}
