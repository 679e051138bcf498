// Runs uploaded Workers for the Cloudflare emulator (`runtime.py`): each on a workerd of its own, or all Workers of an
// account that share data on one (platform.mjs).
//
// Commands are JSON, one per line. The result of each has its `id`, and `error` or the fields of the operation:
//
//   {"id": 1, "op": "code", "key": "<etag>", "code": {"serviceWorker": false, "compatibilityDate": "2026-10-01",
//     "compatibilityFlags": [], "modules": [{"type": "ESModule", "path": "index.js", "contents": "<base64>"}]}}
//   {"id": 2, "op": "start", "key": "a", "tailed": "<name>", "code": "<etag>", "vars": {"NAME": "value"},
//     "classes": ["Counter"], "workflows": ["Doubler"]}                                               -> url, ms: the time that it took
//   {"id": 3, "op": "stop", "key": "a"}
//   {"id": 4, "op": "forget", "key": "<etag>"}
//   {"id": 5, "op": "configure", "account": "<id>", "folder": "/…", "workers": […], "d1": […], …}              -> url
//   {"id": 6, "op": "call", "account": "<id>", "operation": {…}}                                             -> result
//   {"id": 7, "op": "dispose", "account": "<id>"}: end it; its data stays
//   {"id": 8, "op": "watch", "worker": "<name>"}, and "unwatch": print {"event": "tail", "worker", "events"} of this one
//
// It ends, with every workerd, when its standard input closes, so it never outlives the emulators.
import { createInterface } from "node:readline";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { pyodideBundle } from "../../../../wrangler/snapshot.mjs";
import { Platform, snapshotOf } from "./platform.mjs";
import {
  EDGE_NAME,
  edge,
  explain,
  isPython,
  root,
  sharedOptions,
  tailWorker,
  workerOptions,
} from "./worker_options.mjs";

const startSeconds = { javascript: 10, python: 120 };
const codes = new Map(); // by etag
const running = new Map(); // Miniflare by key
const platforms = new Map(); // Platform by account
const watched = new Set(); // names of Workers whose events are printed
const bundle = await pyodideBundle(root);

console.log = console.info = console.error; // standard output has the results only

async function start({ key, tailed, code: etag, vars, classes, workflows }) {
  const since = performance.now();
  const code = codes.get(etag);
  const messages = [];
  const snapshot = await snapshotOf([{ code }], bundle);
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      ...sharedOptions({ bundle, messages }),
      unsafeRuntimeEnv: { PYODIDE_BUNDLE_DIR: bundle, ...snapshot },
      workers: [
        edge({ targets: ["worker"] }),
        { name: "worker", ...workerOptions(code, vars, tailed), ...exporting({ classes, workflows }) },
        tailWorker(listen),
      ],
    }),
  );
  running.set(key, runtime);
  try {
    await within(startSeconds[isPython(code) ? "python" : "javascript"], runtime.ready);
    if (classes.length > 0) await assertExported(messages);
    return { url: (await runtime.unsafeGetDirectURL(EDGE_NAME)).origin, ms: Math.round(performance.now() - since) };
  } catch (error) {
    await stop({ key });
    throw new Error(explain(messages, "worker") ?? error.message);
  }
}

/** Print the events of a Worker, if someone watches it. */
function listen({ worker, events }) {
  if (watched.has(worker)) print({ event: "tail", worker, events });
}

const exporting = ({ classes, workflows }) => ({
  additionalUnboundDurableObjects: classes.map((className) => ({ className, useSQLite: true })),
  workflows: Object.fromEntries(workflows.map((className) => [className, { name: className, className }])),
});

/** Throw workerd's warning about a class that is not exported, which is no error for it. */
async function assertExported(messages) {
  await new Promise((resolve) => setTimeout(resolve, 50)); // its messages come on another pipe than its ports
  const warning = messages.find((message) => message.includes("no such Durable Object class is exported"));
  if (warning) throw new Error(warning);
}

async function stop({ key }) {
  const runtime = running.get(key);
  running.delete(key);
  await runtime?.dispose().catch(() => {});
  return {};
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

async function configure({ account, folder, workers, ...resources }) {
  if (!platforms.has(account)) platforms.set(account, new Platform({ folder, bundle, listen }));
  const platform = platforms.get(account);
  const described = workers.map(({ code, ...worker }) => ({ ...worker, code: codes.get(code) }));
  try {
    return await platform.configure({ workers: described, ...resources });
  } catch (error) {
    const reasons = workers.map(({ name }) => explain(platform.messages, name)).filter(Boolean);
    throw new Error(reasons.join("\n") || error.message);
  }
}

const operations = {
  code: ({ key, code }) => void codes.set(key, code),
  forget: ({ key }) => void codes.delete(key),
  start,
  stop,
  configure,
  dispose: ({ account }) => platforms.get(account)?.dispose(),
  watch: ({ worker }) => void watched.add(worker),
  unwatch: ({ worker }) => void watched.delete(worker),
  call: async ({ account, operation }) => ({ result: await platforms.get(account).call(operation) }),
};

async function perform({ id, op, ...command }) {
  let result;
  try {
    result = await operations[op](command);
  } catch (error) {
    result = { error: error.message };
  }
  print({ id, ...result });
}

function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
  .on("line", (line) => perform(JSON.parse(line)))
  .on("close", async () => {
    await Promise.all([
      ...[...running.keys()].map((key) => stop({ key })),
      ...[...platforms.values()].map((one) => one.dispose()),
    ]);
    process.exit(0);
  });
