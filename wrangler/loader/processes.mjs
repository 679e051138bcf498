// The processes of trials: starts one workerd for each code that is loaded (binding.mjs), watches it and kills it.
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";

const here = import.meta.dirname;

const CPU_MS = 30_000; // Cloudflare's default
const START_MS = { javascript: 2_000, python: 15_000 }; // Python starts here without a snapshot
const MAX_LIFETIME_MS = 120_000;
const POLL_MS = 50;

// Cloudflare's own messages.
const CPU_EXCEEDED = "Worker exceeded CPU time limit.";
const MEMORY_EXCEEDED = "Worker exceeded memory limit.";

/** The service that replaces every `[[worker_loaders]]` binding of the local stack. No Worker can have such a name. */
export const LOADER_SERVICE = "WorkerLoader";

/** The flags that this service and the workers that use it also need: they pass on that a caller has disconnected. */
export const LOADER_FLAGS = ["enable_abortsignal_rpc", "experimental"];

/** Return that service as a worker for miniflare. `bundle` is the folder of the Pyodide bundle. */
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
    serviceBindings: { PROCESSES: createProcessHandler({ bundle }) },
  };
}

/**
 * Return a handler of the binding's requests about the process `/<id>`: POST starts it if it is not running and returns
 * its `port`, GET waits for its end and returns the `reason`, DELETE ends it.
 */
function createProcessHandler({ bundle }) {
  const trials = new Map();

  async function control(method, id, options) {
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
    return Response.json(await control(request.method, pathname, options).catch(({ message }) => ({ error: message })));
  };
}

function startTrial({ cpuMs = CPU_MS, python, bundle }) {
  const script = path.join(here, "..", "workerd.sh");
  const args = ["serve", path.join(here, "trial.capnp"), "--experimental", "--control-fd=3"];
  const env = { ...process.env, PYODIDE_BUNDLE_DIR: bundle, PYTHON_SNAPSHOT_DIR: "" };
  // The code's console output is discarded.
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
    // A process that was not killed from here was ended by V8, because it was out of memory.
    if (trial.running) trial.reason = MEMORY_EXCEEDED;
    trial.running = false;
    ended.resolve();
    port.reject(new Error("The process of a trial did not start."));
  });
  Object.assign(trial, { port: port.promise, ended: ended.promise });
  const startMs = cpuMs + START_MS[python ? "python" : "javascript"];
  port.promise.then(
    (number) => enforceLimits(trial, `http://127.0.0.1:${number}/`, { cpuMs, startMs }),
    () => {},
  );
  return trial;
}

/**
 * Kill a trial that exceeds its CPU limit. workerd has one thread for all its JavaScript, so while the code computes it
 * responds to nothing: a request that takes as long as the limit means that the code has computed for that long.
 */
async function enforceLimits(trial, url, { cpuMs, startMs }) {
  const since = performance.now();
  while (trial.running) {
    const limit = Math.round(Math.max(cpuMs, startMs - (performance.now() - since)));
    await fetch(url, { signal: AbortSignal.timeout(limit) }).catch(({ name }) => {
      if (name === "TimeoutError") trial.kill(CPU_EXCEEDED);
    });
    if (performance.now() - since > MAX_LIFETIME_MS) trial.kill(null);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
