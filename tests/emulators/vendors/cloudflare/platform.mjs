// One account's Workers that share data, on one workerd: D1, KV, R2, Durable Objects, Workflows, Worker Loader.
//
// `configure` starts or restarts it with all Workers and all resources of the account; `call` reads and writes the data
// through the same bindings as the Workers do, so that the API and the Workers see the same.
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { compatibilityDate as newestDate } from "workerd";
import { LOADER_FLAGS, LOADER_SERVICE, loaderService } from "../../../../wrangler/loader/processes.mjs";
import { pythonSnapshot } from "../../../../wrangler/snapshot.mjs";
import {
  EDGE_NAME,
  edge,
  isPython,
  readSources,
  root,
  sharedOptions,
  tailWorker,
  workerOptions,
} from "./worker_options.mjs";

const STORAGE = "Storage"; // the Worker that has every resource as a binding
const host = "127.0.0.1";
const INSTANCES_A_PAGE = 100;
const PAUSE_ATTEMPTS = 40;
const PAUSE_POLL_MS = 25;

export class Platform {
  #runtime;
  #folder;
  #bundle;
  #listen;
  #messages = [];
  #port = 0;

  /** `folder` is where miniflare keeps the data, `bundle` that of the Pyodide bundle; `listen` is for `tailWorker`. */
  constructor({ folder, bundle, listen }) {
    this.#folder = folder;
    this.#bundle = bundle;
    this.#listen = listen;
  }

  /**
   * Run these Workers with the account's resources: `{ workers, d1, kv, r2 }`, where the last three are ids or names.
   * A worker is `{ name, tailed, code, vars, d1, kv, r2, durableObjects, unboundDurableObjects, workflows, loaders }`.
   */
  async configure({ workers, d1, kv, r2 }) {
    this.#messages.length = 0;
    const options = convertV4MiniflareOptions({
      ...sharedOptions({ bundle: this.#bundle, messages: this.#messages }),
      unsafeRuntimeEnv: { PYODIDE_BUNDLE_DIR: this.#bundle, ...(await snapshotOf(workers, this.#bundle)) },
      resourcePersistencePath: this.#folder,
      unsafeLocalExplorer: true,
      workers: [
        edge({ port: this.#port, targets: workers.map(({ name }) => name) }),
        ...workers.map(hosted),
        tailWorker(this.#listen),
        {
          name: STORAGE,
          script: "addEventListener('fetch', () => {})",
          compatibilityDate: newestDate,
          d1Databases: identity(d1),
          kvNamespaces: identity(kv),
          r2Buckets: identity(r2),
        },
        await loaderService({ bundle: this.#bundle, compatibilityDate: newestDate }),
      ],
    });
    if (this.#runtime) await this.#runtime.setOptions(options);
    else this.#runtime = new Miniflare(options);
    await this.#runtime.ready;
    const names = workers.flatMap(({ workflows }) => Object.values(workflows).map(({ name }) => name));
    for (const name of new Set(names)) await resumeInstances(this.#runtime, name);
    const { origin, port } = await this.#runtime.unsafeGetDirectURL(EDGE_NAME);
    this.#port = Number(port); // the same one after a restart
    return { url: origin };
  }

  get messages() {
    return this.#messages;
  }

  /** Perform one operation on a resource and return its result. */
  call({ resource, ...operation }) {
    return { d1: queryD1, d1_dump: dumpD1, kv: callKV, r2: callR2, explorer: explore }[resource](
      this.#runtime,
      operation,
    );
  }

  async dispose() {
    const runtime = this.#runtime;
    this.#runtime = undefined;
    await runtime?.dispose().catch(() => {});
  }
}

const identity = (names) => Object.fromEntries(names.map((name) => [name, name]));

function hosted({ name, tailed, code, d1, kv, r2, durableObjects, unboundDurableObjects, workflows, loaders, vars }) {
  const options = workerOptions(code, vars, tailed);
  const extraFlags = loaders.length > 0 ? LOADER_FLAGS : [];
  return {
    name,
    ...options,
    compatibilityFlags: [...new Set([...options.compatibilityFlags, ...extraFlags])],
    d1Databases: d1,
    kvNamespaces: kv,
    r2Buckets: r2,
    durableObjects,
    additionalUnboundDurableObjects: unboundDurableObjects,
    workflows,
    serviceBindings: Object.fromEntries(loaders.map((binding) => [binding, LOADER_SERVICE])),
  };
}

/**
 * Return the environment of a memory snapshot for Python Workers, if all of them can start from the same one: an upload
 * includes its packages, so these can differ.
 */
export async function snapshotOf(workers, bundle) {
  const codes = workers.map(({ code }) => code).filter(isPython);
  if (codes.length === 0 || new Set(codes.map(startingPoint)).size > 1) return {};
  const [{ compatibilityDate, compatibilityFlags }] = codes;
  const config = { compatibility_date: compatibilityDate, compatibility_flags: compatibilityFlags };
  const described = codes.map((code) => ({ config, modules: packagesOf(code) }));
  if (!described.every(({ modules }) => modules.some(({ path }) => path.startsWith("/python_modules/electrons/")))) {
    return {}; // saving one takes longer than a start
  }
  const folder = await pythonSnapshot({ root, bundle, workers: described, shared: true, log: () => {} });
  return { PYTHON_SNAPSHOT_DIR: folder };
}

const startingPoint = ({ compatibilityDate, compatibilityFlags }) =>
  JSON.stringify([compatibilityDate, [...compatibilityFlags].sort()]);

const packagesOf = (code) =>
  readSources(code)
    .modules.filter(({ path }) => path.startsWith("/python_modules/"))
    .sort((one, other) => (one.path < other.path ? -1 : 1));

async function queryD1(runtime, { id, queries }) {
  const database = await runtime.getD1Database(id, STORAGE);
  return database.batch(queries.map(({ sql, params }) => database.prepare(sql).bind(...params)));
}

async function dumpD1(runtime, { id, schema, data, tables }) {
  const database = await runtime.getD1Database(id, STORAGE);
  const dump = database.prepare("PRAGMA miniflare_d1_export(?,?,?);");
  const lines = await dump.bind(Number(!schema), Number(!data), ...tables).raw();
  return lines[0].join("\n");
}

async function callKV(runtime, { id, method, key, value, options }) {
  const namespace = await runtime.getKVNamespace(id, STORAGE);
  switch (method) {
    case "list":
      return namespace.list(options);
    case "get": {
      const found = await namespace.getWithMetadata(key, "arrayBuffer");
      return { value: found.value && Buffer.from(found.value).toString("base64"), metadata: found.metadata };
    }
    case "put":
      return namespace.put(key, new Uint8Array(Buffer.from(value, "base64")), options);
    case "delete":
      return namespace.delete(key);
  }
}

async function callR2(runtime, { bucket: name, method, key, value, options }) {
  const bucket = await runtime.getR2Bucket(name, STORAGE);
  switch (method) {
    case "list": {
      const { objects, truncated, cursor, delimitedPrefixes } = await bucket.list(options);
      return { objects: objects.map(describeObject), truncated, cursor, delimitedPrefixes };
    }
    case "get": {
      const object = await bucket.get(key);
      if (object === null) return null;
      return { ...describeObject(object), value: Buffer.from(await object.arrayBuffer()).toString("base64") };
    }
    case "put": {
      const bytes = new Uint8Array(Buffer.from(value, "base64"));
      return describeObject(await bucket.put(key, bytes, options));
    }
    case "delete":
      return bucket.delete(key);
  }
}

const describeObject = ({ key, version, size, etag, uploaded, httpMetadata, customMetadata, storageClass }) => ({
  ...{ key, version, size, etag, uploaded: new Date(uploaded).toISOString() },
  ...{ httpMetadata, customMetadata, storageClass },
});

/** Send a request to miniflare's local explorer, whose API is Cloudflare's own for the instances of Workflows. */
async function explore(runtime, { method, path, body }) {
  const response = await runtime.dispatchFetch(`http://${host}/cdn-cgi/local/explorer/api${path}`, {
    method,
    body: body === null ? undefined : JSON.stringify(body),
    headers: body === null ? {} : { "content-type": "application/json" },
  });
  return { status: response.status, body: await response.json() };
}

/**
 * Let the instances of a Workflow go on after a restart of workerd. Cloudflare does so by itself; miniflare starts an
 * instance that it has stored only when it is resumed after a pause. Steps that were done are not repeated.
 */
async function resumeInstances(runtime, workflow) {
  for (const status of ["running", "waiting"]) {
    const query = `status=${status}&per_page=${INSTANCES_A_PAGE}`;
    const { body } = await explore(runtime, instanceCall("GET", workflow, `?${query}`));
    await Promise.all((body.result ?? []).map(({ id }) => resumeInstance(runtime, { workflow, id })));
  }
}

async function resumeInstance(runtime, { workflow, id }) {
  const path = `/${encodeURIComponent(id)}`;
  await explore(runtime, instanceCall("PATCH", workflow, `${path}/status`, { status: "pause" }));
  for (let attempt = 0; attempt < PAUSE_ATTEMPTS; attempt++) {
    const { body } = await explore(runtime, instanceCall("GET", workflow, path));
    if (body.result?.status === "paused") break;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_POLL_MS));
  }
  await explore(runtime, instanceCall("PATCH", workflow, `${path}/status`, { status: "resume" }));
}

const instanceCall = (method, workflow, rest, body = null) => ({
  ...{ method, body },
  path: `/workflows/${encodeURIComponent(workflow)}/instances${rest}`,
});
