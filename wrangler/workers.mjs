// What a worker is made of: its wrangler.toml, read by wrangler itself, and its Python modules, collected the way
// `wrangler dev` and `wrangler deploy` collect them.
import { existsSync, readFileSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { LOADER_FLAGS, LOADER_SERVICE } from "./loader/processes.mjs";

// Loaded where it is needed: it takes half a second and 120 MB, and the emulators import this file for less.
const wrangler = () => import("wrangler");

// Make workerd take CPython from `--pyodide-bundle-disk-cache-dir` instead of downloading it. Never deployed.
export const LOCAL_FLAGS = ["python_workers_development", "experimental"];

/** The workers below `root`: `{ name, folder, config }`, sorted by name, only those in `names` if it is given. */
export async function findWorkers(root, names) {
  const folders = (await readdir(path.join(root, "workers"))).sort();
  const found = folders.filter((name) => existsSync(path.join(root, "workers", name, "wrangler.toml")));
  const unknown = (names ?? []).filter((name) => !found.includes(name));
  if (unknown.length > 0) throw new Error(`There is no worker ${unknown.join(", ")}; there are ${found.join(", ")}.`);
  return Promise.all((names ?? found).map((name) => readWorker(path.join(root, "workers", name))));
}

/** Workers of the same code under other names: `variants` is `{ name: name of the worker }`. */
export function variantsOf(workers, variants) {
  return Object.entries(variants).map(([name, original]) => {
    const worker = workers.find((candidate) => candidate.name === original);
    const workflows = worker.config.workflows.map((workflow) => ({ ...workflow, name: `${workflow.name}-of-${name}` }));
    return { ...worker, name, config: { ...worker.config, name, workflows } };
  });
}

/** Reads the worker in `folder` anew: its name is the folder's. */
export async function readWorker(folder) {
  const { unstable_readConfig } = await wrangler();
  const config = unstable_readConfig({ config: path.join(folder, "wrangler.toml") }, { hideWarnings: true });
  return { name: path.basename(folder), folder, config };
}

/**
 * Miniflare's options for a worker, with `vars` over those of wrangler.toml and .dev.vars. The Python file `main` becomes
 * the main module if it is given; the worker's own stays, as one that can be imported.
 */
export async function miniflareOptions({ folder, config }, { vars = {}, main } = {}) {
  const { unstable_getMiniflareWorkerOptions } = await wrangler();
  const { modulesRules, workerLoaders, ...options } = unstable_getMiniflareWorkerOptions(config).workerOptions;
  const loaders = Object.keys(workerLoaders ?? {}).map((binding) => [binding, LOADER_SERVICE]);
  return {
    ...options,
    serviceBindings: { ...options.serviceBindings, ...Object.fromEntries(loaders) },
    name: config.name,
    compatibilityFlags: [
      ...new Set([...config.compatibility_flags, ...LOCAL_FLAGS, ...(loaders.length > 0 ? LOADER_FLAGS : [])]),
    ],
    bindings: { ...options.bindings, ...vars },
    modulesRoot: "/",
    modules: [
      ...(main ? [await pythonModule(path.dirname(main), path.basename(main))] : []),
      ...(await pythonModules(config.main)),
      ...(await vendoredModules(folder)),
    ],
  };
}

/** Every `.py` file below the folder of `main`, `main` first. Paths are the names in the worker, below its root `/`. */
async function pythonModules(main) {
  const sources = path.dirname(main);
  const names = (await files(sources)).filter((name) => name.endsWith(".py") && name !== path.basename(main));
  return Promise.all([path.basename(main), ...names].map((name) => pythonModule(sources, name)));
}

async function pythonModule(folder, name) {
  return { type: "PythonModule", path: `/${name}`, contents: await readFile(path.join(folder, name), "utf8") };
}

/** Every file of python_modules/ as data, except the SDK's JavaScript, which Python imports as modules. */
export async function vendoredModules(folder) {
  const vendor = path.join(folder, "python_modules");
  const names = (await files(vendor)).filter((name) => !name.endsWith(".pyc"));
  return names.map((name) => {
    const script = name.startsWith("workers/") && /\.m?js$/.test(name);
    const contents = readVendored(path.join(vendor, name), { name, encoding: script ? "utf8" : null });
    return { type: script ? "ESModule" : "Data", path: `/python_modules/${name}`, contents };
  });
}

const vendored = new Map(); // contents by name, size and time

/** A vendored file, read once for all workers: as in scripts/vendor.py, the same size and time is the same file. */
function readVendored(file, { name, encoding }) {
  const { size, mtimeMs } = statSync(file);
  const key = `${name} ${size} ${mtimeMs}`;
  // Not asynchronously: all files of all workers at once are more than a process may have open.
  if (!vendored.has(key)) vendored.set(key, readFileSync(file, encoding));
  return vendored.get(key);
}

/** Relative names of all files below `folder`, sorted, with forward slashes. */
async function files(folder) {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/"))
    .sort();
}
