// What makes Python Workers start here: the Pyodide bundle, and one memory snapshot for all workers (warmup.py tells
// why that can be). Without a snapshot every worker boots CPython and imports the SDK, pydantic, httpx2: 4-5 s of CPU.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { LOCAL_FLAGS, vendoredModules } from "./workers.mjs";

const here = import.meta.dirname;
process.env.MINIFLARE_WORKERD_PATH = path.join(here, "workerd.sh");

/** The folder of the Pyodide bundle, made if need be. */
export async function pyodideBundle(root) {
  const python = path.join(root, ".venv", "bin", "python");
  const { stdout } = await promisify(execFile)(python, [path.join(here, "pyodide_bundle.py")]);
  return stdout.trim();
}

/**
 * The folder of the snapshot for `workers`, made if need be. `shared` says whether it holds the package `electrons`: a
 * snapshot with it starts faster, one without it outlives edits of shared/.
 */
export async function pythonSnapshot({ root, bundle, workers, shared, log }) {
  const vendored = await Promise.all(workers.map(({ folder }) => vendoredModules(folder)));
  const modules = common(vendored).filter((module) => shared || topLevel(module) !== "electrons");
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
      await rename(unfinished, folder);
    } catch (error) {
      if (!existsSync(folder)) throw error; // else another process was first
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }
  return folder;
}

/** Boots `worker` once; workerd writes `snapshot.bin` to `folder` when its main module has been imported. */
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
  if (!existsSync(path.join(folder, "snapshot.bin"))) throw new Error("workerd wrote no snapshot of warmup.py");
}

/** The modules of those packages that every worker has, and has alike: a snapshot must be true for all of them. */
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

/** One hash over strings and modules, in order. */
function digest(parts) {
  const hash = createHash("sha256");
  for (const part of parts) {
    const { path, contents } = typeof part === "string" ? { path: "", contents: part } : part;
    hash.update(`${path}\0${contents.length}\0`).update(contents);
  }
  return hash.digest("hex").slice(0, 16);
}
