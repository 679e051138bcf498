// Runs the workers of this repository on one local workerd, each on its own port of 127.0.0.1.
//
//   node wrangler/stack.mjs '{"state": ".state", "ports": {"text-gen": 8787}, "warm": true}'
//
// Options, all of them optional:
//   state     folder of D1, R2, KV, Durable Objects and Workflows (default: .state; `wrangler d1 migrations apply
//             --local --persist-to` takes the same folder)
//   workers   names of the workers to run (default: every workers/*/wrangler.toml)
//   variants  more deployments of these workers, as {"new name": "worker"}; `vars` makes them differ
//   main      a Python module that replaces a worker's own main module, by worker; it can import that by its name. For
//             tests
//   ports     port by worker; 0 or absent: a free one. A worker with `workers_dev = false` has none unless it is here
//   vars      vars and secrets by worker, which override those of wrangler.toml and .dev.vars; "*" means every worker
//   build     run each worker's `[build] command` first (default: true)
//   snapshot  start from a memory snapshot (default: true); "dependencies": one without the code of this repository, so
//             that a worker's memory has what it imports and no more
//   warm      be ready only when each worker has responded to GET /health (default: false)
//   watch     rebuild and reload after an edit below workers/ or shared/ (default: false)
//
// It prints one JSON object per line: `ready` (with the workers' URLs, and the milliseconds since workerd was started,
// `boot_ms`, and since this process was, `ms`), `reloading`, `reloaded`, `log`, `error`. It exits with 0 after SIGTERM,
// SIGINT or the end of its standard input (so it never outlives its parent), else with 1.

import { subscribe } from "node:diagnostics_channel";
import { createServer } from "node:net";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { loaderService } from "./loader/processes.mjs";
import { callProvidersDirectly } from "./outbound.mjs";
import { pyodideBundle, pythonSnapshot } from "./snapshot.mjs";
import { build, watchSources } from "./sources.mjs";
import { findWorkers, miniflareOptions, packagesOfAll, readWorker, variantsOf } from "./workers.mjs";

const started = performance.now();
const root = path.dirname(import.meta.dirname);
const host = "127.0.0.1";
const defaults = { state: ".state", ports: {}, variants: {}, main: {}, vars: {}, build: true, snapshot: true };
const options = { ...defaults, ...JSON.parse(process.argv[2] ?? "{}") };
const milliseconds = (since) => Math.round(performance.now() - since);

const emit = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const log = ({ level, message }) => emit({ event: "log", level, message: stripVTControlCharacters(message) });
callProvidersDirectly();
console.log = console.info = console.error; // wrangler's own output must not mix with the events

class EventLog extends Log {
  log(message) {
    log({ level: "warn", message });
  }
}

let runtime;
let booted; // when workerd was last started
subscribe("child_process", () => {
  booted = performance.now();
});
let exitCode; // set as soon as the process begins to stop

async function stop(code) {
  if (exitCode !== undefined) return;
  exitCode = code;
  await runtime?.dispose().catch(() => {});
  process.exit(code);
}

function fail(error) {
  if (exitCode === undefined) emit({ event: "error", message: explain(error) });
  return stop(1);
}

/** Return an error's message: workerd's own, if miniflare passes it on, without the stack frames below Python's. */
function explain(error) {
  const lines = String(error?.message ?? error).split("\n");
  const messages = lines.filter((line) => line.startsWith('{"timestamp"')).map((line) => JSON.parse(line).message);
  const text = (messages.length > 0 ? messages : lines).join("\n");
  return text.replace(/^ +at (pyodide\S*-internal:|wasm:).*\n?/gm, "").trim();
}

/** Reject with the worker's name if its port is in use. */
function assertFree(port, name) {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    const advice = "stop the process that listens there, or move all ports with `DE_PORT_BASE`";
    const inUse = new Error(`Port ${port} of ${name} is in use: ${advice}.`);
    probe.once("error", () => reject(inUse));
    probe.listen({ host, port, exclusive: true }, () => probe.close(resolve));
  });
}

const hasSocket = ({ name, config }) => name in options.ports || config.workers_dev !== false;

/** Return miniflare's options for the whole stack; `edited`: while this repository's code is being edited. */
async function describe(workers, { edited = false } = {}) {
  const bundle = await pyodideBundle(root);
  const shared = !edited && options.snapshot !== "dependencies";
  const packages = shared ? await packagesOfAll(root) : [];
  const snapshot = options.snapshot && (await pythonSnapshot({ root, bundle, workers, shared, packages, log }));
  const [{ config }] = workers;
  const loads = workers.some((worker) => worker.config.worker_loaders.length > 0);
  return convertV4MiniflareOptions({
    host,
    port: 0,
    cf: false,
    telemetry: { enabled: false },
    log: new EventLog(LogLevel.WARN),
    handleStructuredLogs: log,
    unsafeHandleRuntimeRestart: () => fail(new Error("workerd crashed.")),
    unsafeRuntimeEnv: { PYODIDE_BUNDLE_DIR: bundle, ...(snapshot && { PYTHON_SNAPSHOT_DIR: snapshot }) },
    resourcePersistencePath: path.resolve(root, options.state, "v3"), // the layout of wrangler
    workers: [
      ...(await Promise.all(
        workers.map(async (worker) => ({
          ...(await miniflareOptions(worker, {
            vars: { ...options.vars["*"], ...options.vars[worker.name] },
            main: options.main[worker.name] && path.resolve(root, options.main[worker.name]),
          })),
          unsafeDirectSockets: hasSocket(worker) ? [{ host, port: options.ports[worker.name] ?? 0 }] : [],
        })),
      )),
      ...(loads ? [await loaderService({ bundle, compatibilityDate: config.compatibility_date })] : []),
    ],
  });
}

async function addresses(workers) {
  const entries = workers.filter(hasSocket).map(async ({ name, config }) => {
    const url = await runtime.unsafeGetDirectURL(config.name);
    options.ports[name] = Number(url.port); // the same one after a reload
    return [name, url.origin];
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function warm(urls) {
  for (const [name, url] of Object.entries(urls)) {
    const response = await fetch(`${url}/health`);
    if (!response.ok) throw new Error(`GET /health of ${name} returned ${response.status}: ${await response.text()}`);
  }
}

/** Build all workers at once, after one that has filled the cache of what all share. */
async function buildAll([first, ...others]) {
  await build(first);
  await Promise.all(others.map(build));
}

/** Reload the workers of `changed` with their edits; if anything fails, the previous version keeps running. */
async function reload(workers, changed, running) {
  const since = performance.now();
  for (const name of changed) emit({ event: "reloading", worker: name });
  try {
    const edited = await Promise.all(
      workers.map((worker) => (changed.has(worker.name) ? readWorker(worker.folder) : worker)),
    );
    await buildAll(edited.filter((worker) => changed.has(worker.name)));
    const next = await describe(edited, { edited: true });
    try {
      await runtime.setOptions(next);
    } catch (error) {
      await runtime.setOptions(running.options);
      throw error;
    }
    running.options = next;
    running.workers = edited;
    for (const name of changed) emit({ event: "reloaded", worker: name, ms: milliseconds(since) });
  } catch (error) {
    emit({ event: "error", message: `${explain(error)}\nThe previous version keeps running.` });
  }
}

async function start() {
  const found = await findWorkers(root, options.workers);
  const workers = [...found, ...variantsOf(found, options.variants)];
  for (const { name } of workers) if (options.ports[name]) await assertFree(options.ports[name], name);
  if (options.build) await buildAll(found);
  const running = { workers, options: await describe(workers) };
  runtime = new Miniflare(running.options);
  await runtime.ready;
  const urls = await addresses(workers);
  if (options.warm) await warm(urls);
  const boot_ms = milliseconds(booted);
  if (options.watch) watchSources({ root, workers, onEdit: (changed) => reload(running.workers, changed, running) });
  emit({ event: "ready", workers: urls, boot_ms, ms: milliseconds(started) });
}

process.on("SIGTERM", () => stop(0));
process.on("SIGINT", () => stop(0));
// miniflare's own signal handlers end the process at once, with 143.
process.on("exit", () => (process.exitCode = exitCode ?? process.exitCode));
process.stdin
  .on("close", () => stop(0))
  .on("error", () => stop(0))
  .resume();
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);
await start().catch(fail);
