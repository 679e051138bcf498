// The parts of a worker: its wrangler.toml, read by wrangler itself, and its Python modules, collected as by
// `wrangler dev` and `wrangler deploy`.
import { existsSync, readFileSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { LOADER_FLAGS, LOADER_SERVICE } from "./loader/processes.mjs";

// Loaded only when it is needed: it takes half a second and 120 MB, and the emulators import this file without it.
const wrangler = () => import("wrangler");

// Make workerd take CPython from `--pyodide-bundle-disk-cache-dir` instead of downloading it. Never deployed.
export const LOCAL_FLAGS = ["python_workers_development", "experimental"];

/** Return the workers below `root` as `{ name, folder, config }`, sorted by name, or only those of `names`. */
export async function findWorkers(root, names) {
  const found = await namesOfAll(root);
  const unknown = (names ?? []).filter((name) => !found.includes(name));
  if (unknown.length > 0) throw new Error(`Unknown worker ${unknown.join(", ")}; the workers are ${found.join(", ")}.`);
  return Promise.all((names ?? found).map((name) => readWorker(path.join(root, "workers", name))));
}

async function namesOfAll(root) {
  const folders = (await readdir(path.join(root, "workers"))).sort();
  return folders.filter((name) => existsSync(path.join(root, "workers", name, "wrangler.toml")));
}

/** Return workers with the same code under other names: `variants` is `{ name: name of the worker }`. */
export function variantsOf(workers, variants) {
  return Object.entries(variants).map(([name, original]) => {
    const worker = workers.find((candidate) => candidate.name === original);
    const workflows = worker.config.workflows.map((workflow) => ({ ...workflow, name: `${workflow.name}-of-${name}` }));
    return { ...worker, name, config: { ...worker.config, name, workflows } };
  });
}

/** Read the worker in `folder`; its name is the folder's. */
export async function readWorker(folder) {
  const { unstable_readConfig } = await wrangler();
  const config = unstable_readConfig({ config: path.join(folder, "wrangler.toml") }, { hideWarnings: true });
  return { name: path.basename(folder), folder, config };
}

/**
 * Return miniflare's options for a worker, with `vars` overriding those of wrangler.toml and .dev.vars. The Python file
 * `main`, if it is given, becomes the main module; the worker's own main module can still be imported.
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

/** Return every `.py` file below the folder of `main`, `main` first. Their paths are below the worker's root `/`. */
async function pythonModules(main) {
  const sources = path.dirname(main);
  const names = (await files(sources)).filter((name) => name.endsWith(".py") && name !== path.basename(main));
  return Promise.all([path.basename(main), ...names].map((name) => pythonModule(sources, name)));
}

/** Return the modules of all workers' own packages, whose names differ, without the main modules. */
export async function packagesOfAll(root) {
  const mains = (await namesOfAll(root)).map((name) => path.join(root, "workers", name, "src", "entry.py"));
  const modules = await Promise.all(mains.map(pythonModules));
  return modules.flatMap(([_main, ...packages]) => packages);
}

async function pythonModule(folder, name) {
  return { type: "PythonModule", path: `/${name}`, contents: await readFile(path.join(folder, name), "utf8") };
}

/** Return every file of python_modules/ as data, except the SDK's JavaScript, which Python imports as modules. */
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

/** Read a vendored file, once for all workers: as in scripts/vendor.py, the same size and time mean the same file. */
function readVendored(file, { name, encoding }) {
  const { size, mtimeMs } = statSync(file);
  const key = `${name} ${size} ${mtimeMs}`;
  // Read synchronously, because a process may not have all files of all workers open at once.
  if (!vendored.has(key)) vendored.set(key, readFileSync(file, encoding));
  return vendored.get(key);
}

/** Return the relative names of all files below `folder`, sorted, with forward slashes. */
async function files(folder) {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/"))
    .sort();
}
