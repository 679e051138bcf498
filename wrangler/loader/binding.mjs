// Cloudflare's Worker Loader binding (https://developers.cloudflare.com/dynamic-workers/api-reference/) as a service of
// the local stack. It has the binding's methods, by RPC: `load(code)`, `getEntrypoint(name, options)`, `fetch`.
//
// workerd's own binding loads the code into the thread of all the workers, and enforces no CPU limit: an endless loop
// would block the whole stack. Here each `load` starts a process of its own, which runs the real loader and can be
// killed (processes.mjs).
import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
import { encode, THROWN } from "./call.mjs";

export default class WorkerLoader extends WorkerEntrypoint {
  load(code) {
    return new WorkerStub(this.ctx, this.env.PROCESSES, code);
  }
}

class WorkerStub extends RpcTarget {
  #call;
  #end;

  constructor(ctx, processes, code) {
    super();
    const address = `http://processes/${crypto.randomUUID()}`;
    const controlProcess = async (method, body) => {
      const { error, ...result } = await (await processes.fetch(address, { method, body })).json();
      if (error) throw new Error(error);
      return result;
    };
    this.#call = (call) => callProcess(controlProcess, { code, ...call });
    this.#end = () => ctx.waitUntil(controlProcess("DELETE"));
  }

  getEntrypoint(name, options) {
    return new Entrypoint((url, init) => this.#call({ name, options, url, init }));
  }

  [Symbol.dispose]() {
    this.#end();
  }
}

class Entrypoint extends RpcTarget {
  #call;

  constructor(call) {
    super();
    this.#call = call;
  }

  fetch(url, init) {
    return this.#call(url, init);
  }
}

async function callProcess(controlProcess, { init: { signal, ...init } = {}, ...call }) {
  const { limits, compatibilityFlags } = call.code;
  const python = compatibilityFlags?.includes("python_workers");
  const { port } = await controlProcess("POST", JSON.stringify({ ...limits, python }));
  let response;
  try {
    const body = encode({ ...call, init });
    response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body, signal, redirect: "manual" });
  } catch (error) {
    if (signal?.aborted) throw error;
    const { reason } = await controlProcess("GET");
    throw reason ? new Error(reason) : error;
  }
  if (!response.headers.has(THROWN)) return response;
  const { name, message } = await response.json();
  throw Object.assign(new Error(message), { name });
}
