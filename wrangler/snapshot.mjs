// What Python Workers start from here: the Pyodide bundle, and one memory snapshot for all workers (warmup.py explains
// why one is enough). Without one, every worker starts CPython and imports the SDK, pydantic, httpx2: 4-5 s of CPU.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, utimes } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { LOCAL_FLAGS, vendoredModules } from "./workers.mjs";

const here = import.meta.dirname;
const UNUSED_MS = 7 * 24 * 3600 * 1000; // a snapshot is deleted when it has not been used for so long
const WASM_PAGE = 65536;
const MEMORY_OFFSET_AT = 8; // where a snapshot says how many bytes there are before Python's memory
const ARENA = 1024 * 1024; // what Python claims at once, perhaps after the report of warmup.py
process.env.MINIFLARE_WORKERD_PATH = path.join(here, "workerd.sh");

/** Return the folder of the Pyodide bundle, which is built if it is missing. */
export async function pyodideBundle(root) {
  const python = path.join(root, ".venv", "bin", "python");
  const { stdout } = await promisify(execFile)(python, [path.join(here, "pyodide_bundle.py")]);
  return stdout.trim();
}

/**
 * Return the folder of the snapshot for `workers`, which is saved if it is missing. With `shared` it includes the
 * package `electrons`, and the `packages` that are the workers' own, given as modules: such a snapshot starts faster,
 * but becomes invalid with every edit, and its memory ends where Python's does. A worker has its `modules`, or those of
 * its `folder`.
 */
export async function pythonSnapshot({ root, bundle, workers, shared, packages = [], log }) {
  const vendored = await Promise.all(workers.map(({ folder, modules }) => modules ?? vendoredModules(folder)));
  const modules = common(vendored).filter((module) => shared || topLevel(module) !== "electrons");
  modules.push(...packages);
  const warmup = await readFile(path.join(here, "warmup.py"), "utf8");
  const { compatibility_date, compatibility_flags } = workers[0].config;
  const worker = {
    name: "warmup",
    compatibilityDate: compatibility_date,
    compatibilityFlags: [...compatibility_flags, ...LOCAL_FLAGS],
    modulesRoot: "/",
    modules: [{ type: "PythonModule", path: "/warmup.py", contents: warmup }, ...modules],
  };
  const runtime = await readFile(path.join(root, "node_modules", "workerd", "package.json"), "utf8");
  const { version } = JSON.parse(runtime);
  const cache = path.join(root, ".cache", "snapshots");
  const { compatibilityDate, compatibilityFlags } = worker;
  const key = [path.basename(bundle), version, compatibilityDate, ...compatibilityFlags, ...worker.modules];
  const folder = path.join(cache, digest(key));
  if (!existsSync(folder)) {
    await mkdir(cache, { recursive: true });
    const unfinished = await mkdtemp(path.join(cache, ".unfinished-"));
    try {
      await saveSnapshot({ bundle, worker, folder: unfinished, log });
      if (shared) await cutUnclaimedMemory(path.join(unfinished, "snapshot.bin"));
      await rename(unfinished, folder);
      await deleteUnused(cache);
    } catch (error) {
      if (!existsSync(folder)) throw error; // otherwise another process was first
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }
  const now = new Date();
  await utimes(folder, now, now);
  return folder;
}

async function deleteUnused(cache) {
  for (const name of await readdir(cache)) {
    const { mtimeMs } = await stat(path.join(cache, name));
    if (Date.now() - mtimeMs > UNUSED_MS) await rm(path.join(cache, name), { recursive: true, force: true });
  }
}

/** Start `worker` once; workerd writes `snapshot.bin` to `folder` after the import of its main module. */
async function saveSnapshot({ bundle, worker, folder, log }) {
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      handleStructuredLogs: log,
      unsafeRuntimeEnv: { PYODIDE_BUNDLE_DIR: bundle, PYTHON_SNAPSHOT_DIR: folder, PYTHON_SNAPSHOT: "save" },
      workers: [worker],
    }),
  );
  try {
    await runtime.ready;
  } finally {
    await runtime.dispose();
  }
  if (!existsSync(path.join(folder, "snapshot.bin"))) throw new Error("workerd did not write a snapshot of warmup.py.");
}

/**
 * Cut off the end of the memory in a snapshot that Python has not claimed: WebAssembly's memory grows by a fifth at once,
 * and every worker would read and keep all of it. Deployed workers do, and so do those whose memory is measured.
 */
async function cutUnclaimedMemory(file) {
  const content = await readFile(file);
  const [, claimed] = content.toString("latin1").match(/claimed memory: (\d+) bytes/); // warmup.py's report
  await truncate(file, content.readUInt32LE(MEMORY_OFFSET_AT) + roundUp(Number(claimed) + ARENA, WASM_PAGE));
}

const roundUp = (size, unit) => Math.ceil(size / unit) * unit;

/** Return the modules of the packages that are the same in every worker: the snapshot must be valid for all workers. */
function common([first, ...others]) {
  const mine = digestByPackage(first);
  const theirs = others.map(digestByPackage);
  const alike = (name) => theirs.every((digests) => digests.get(name) === mine.get(name));
  return first.filter((module) => alike(topLevel(module)));
}

const topLevel = ({ path }) => path.split("/")[2]; // /python_modules/<package>/...

function digestByPackage(modules) {
  const packages = Map.groupBy(modules, topLevel);
  return new Map([...packages].map(([name, contents]) => [name, digest(contents)]));
}

/** Return one hash of strings and modules, in order. */
function digest(parts) {
  const hash = createHash("sha256");
  for (const part of parts) {
    const { path, contents } = typeof part === "string" ? { path: "", contents: part } : part;
    hash.update(`${path}\0${contents.length}\0`).update(contents);
  }
  return hash.digest("hex").slice(0, 16);
}
