// What the cases know of the gateway that they talk to: its keys, and the emulated vendors behind it.

export const URL = process.env.GATEWAY_URL;
/** A key whose limit of requests is used up. */
export const SPENT_KEY = process.env.GATEWAY_SPENT_KEY;

const WAIT_MS = 20_000;

/** Return the vendor that answers for a model. */
export const vendorOf = (model) => (model.includes("claude") ? "anthropic" : "openai");

/** Queue a fault of a vendor (tests/emulators/faults.py). */
export const addFault = (vendor, fault) => send("POST", `/${vendor}/_emulator/faults`, fault);

/** Delay each event of a vendor's streams. */
export const slowDown = (vendor, perFrameMs) =>
  send("POST", `/${vendor}/_emulator/latency`, { per_frame_ms: perFrameMs });

/** Return the requests that a vendor received in this case, oldest first. */
export const calls = async (vendor) => (await send("GET", `/${vendor}/_emulator/requests`)).requests;

/** Wait until the gateway has ended a call to a vendor before its end; return false when it never does. */
export async function hasAborted(vendor) {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    if ((await calls(vendor)).some((call) => call.aborted)) return true;
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Forget the faults, requests and delays of all vendors. */
export const reset = () => send("DELETE", "/_emulator");

async function send(method, path, body) {
  const response = await fetch(process.env.EMULATORS_URL + path, { method, body: body && JSON.stringify(body) });
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}
