// The processes of trials: one workerd for each code that is loaded (binding.mjs), watched and killed from here.
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";

const here = import.meta.dirname;

const CPU_MS = 30_000; // Cloudflare's default
const START_MS = { javascript: 2_000, python: 15_000 }; // Python boots here without a snapshot
const LONGEST_MS = 120_000;
const LOOK_MS = 50;

// Cloudflare's own words.
const CPU_EXCEEDED = "Worker exceeded CPU time limit.";
const MEMORY_EXCEEDED = "Worker exceeded memory limit.";

/** The name of the service that stands for every `[[worker_loaders]]` binding of the local stack. */
export const LOADER_SERVICE = "worker-loader";

/** What this service and the workers that use it need besides: to pass on a signal that a caller has left. */
export const LOADER_FLAGS = ["enable_abortsignal_rpc", "experimental"];

/** That service, as a worker for miniflare. `bundle` is the Pyodide bundle's folder. */
export async function loaderService({ bundle, compatibilityDate }) {
  const names = ["binding.mjs", "call.mjs"];
  return {
    name: LOADER_SERVICE,
    compatibilityDate,
    compatibilityFlags: LOADER_FLAGS,
    modulesRoot: "/",
    modules: await Promise.all(
      names.map(async (name) => ({
        type: "ESModule",
        path: `/${name}`,
        contents: await readFile(path.join(here, name), "utf8"),
      })),
    ),
    serviceBindings: { PROCESSES: createProcesses({ bundle }) },
  };
}

/**
 * Answers the binding's questions about the process `/<id>`: POST starts it if it doesn't run and tells its `port`, GET
 * tells the `reason` for which it has ended by itself, DELETE ends it.
 */
function createProcesses({ bundle }) {
  const trials = new Map();

  async function answer(method, id, options) {
    if (method === "POST") {
      if (!trials.get(id)?.running) trials.set(id, startTrial({ ...options, bundle }));
      return { port: await trials.get(id).port };
    }
    const trial = trials.get(id);
    if (method === "DELETE") {
      trials.delete(id);
      trial?.kill(null);
    } else {
      await trial?.ended;
    }
    return { reason: trial?.reason ?? null };
  }

  return async (request) => {
    const { pathname } = new URL(request.url);
    const options = request.method === "POST" ? await request.json() : {};
    return Response.json(await answer(request.method, pathname, options).catch(({ message }) => ({ error: message })));
  };
}

function startTrial({ cpuMs = CPU_MS, python, bundle }) {
  const script = path.join(here, "..", "workerd.sh");
  const args = ["serve", path.join(here, "trial.capnp"), "--experimental", "--control-fd=3"];
  const env = { ...process.env, PYODIDE_BUNDLE_DIR: bundle, PYTHON_SNAPSHOT_DIR: "" };
  // What the code writes to the console goes nowhere.
  const child = spawn(script, args, { env, stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const trial = {
    running: true,
    reason: null,
    kill(reason) {
      if (!trial.running) return;
      trial.running = false;
      trial.reason = reason;
      child.kill("SIGKILL");
    },
  };
  const port = Promise.withResolvers();
  const ended = Promise.withResolvers();
  child.on("error", port.reject);
  child.stdio[3].once("data", (event) => port.resolve(JSON.parse(event).port));
  child.once("close", () => {
    // What isn't killed from here has been by V8, which ends a process that is out of memory.
    if (trial.running) trial.reason = MEMORY_EXCEEDED;
    trial.running = false;
    ended.resolve();
    port.reject(new Error("The process of a trial did not start."));
  });
  Object.assign(trial, { port: port.promise, ended: ended.promise });
  const startMs = cpuMs + START_MS[python ? "python" : "javascript"];
  port.promise.then(
    (number) => watch(trial, `http://127.0.0.1:${number}/`, { cpuMs, startMs }),
    () => {},
  );
  return trial;
}

/**
 * Kills a trial that is busy without a pause. workerd has one thread for all its JavaScript, so while code computes
 * nothing else is answered: a look that takes as long as the CPU limit means that the code has computed for so long.
 */
async function watch(trial, url, { cpuMs, startMs }) {
  const since = performance.now();
  while (trial.running) {
    const limit = Math.round(Math.max(cpuMs, startMs - (performance.now() - since)));
    await fetch(url, { signal: AbortSignal.timeout(limit) }).catch(({ name }) => {
      if (name === "TimeoutError") trial.kill(CPU_EXCEEDED);
    });
    if (performance.now() - since > LONGEST_MS) trial.kill(null);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
