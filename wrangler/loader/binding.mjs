// Cloudflare's Worker Loader binding (https://developers.cloudflare.com/dynamic-workers/api-reference/) as a service of
// the local stack. It has the binding's own methods, by RPC: `load(code)`, `getEntrypoint(name, options)`, `fetch`.
//
// workerd's own binding loads the code into the same thread as all the workers, and enforces no CPU limit: an endless
// loop would end the whole stack. Here each `load` gets a process of its own, in which the real loader runs, and which
// can be killed (processes.mjs).
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
    const ask = async (method, body) => {
      const { error, ...answer } = await (await processes.fetch(address, { method, body })).json();
      if (error) throw new Error(error);
      return answer;
    };
    this.#call = (call) => callProcess(ask, { code, ...call });
    this.#end = () => ctx.waitUntil(ask("DELETE"));
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

async function callProcess(ask, { init: { signal, ...init } = {}, ...call }) {
  const { limits, compatibilityFlags } = call.code;
  const python = compatibilityFlags?.includes("python_workers");
  const { port } = await ask("POST", JSON.stringify({ ...limits, python }));
  let answer;
  try {
    const body = encode({ ...call, init });
    answer = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body, signal, redirect: "manual" });
  } catch (error) {
    if (signal?.aborted) throw error;
    const { reason } = await ask("GET");
    throw reason ? new Error(reason) : error;
  }
  if (!answer.headers.has(THROWN)) return answer;
  const { name, message } = await answer.json();
  throw Object.assign(new Error(message), { name });
}
