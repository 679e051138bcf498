// Load the code in each line of standard input through the local stack's Worker Loader, send requests to it, and print
// their results as an array of {"status", "body"} or {"error"}. A line is {"code": WorkerCode, "times"?: number of
// requests, 1 without it}.
import path from "node:path";
import { createInterface } from "node:readline";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { LOADER_FLAGS, LOADER_SERVICE, loaderService } from "../../wrangler/loader/processes.mjs";
import { pyodideBundle } from "../../wrangler/snapshot.mjs";

const compatibilityDate = "2026-10-01";

const callerScript = `
export default {
  async fetch(request, { LOADER }) {
    const { code, times = 1 } = await request.json();
    using worker = await LOADER.load({ compatibilityDate: "${compatibilityDate}", globalOutbound: null, ...code });
    using entrypoint = await worker.getEntrypoint();
    const results = [];
    for (let sent = 0; sent < times; sent += 1) {
      try {
        const response = await entrypoint.fetch("https://trial.example/path", { method: "POST", body: "body", redirect: "manual" });
        results.push({ status: response.status, body: await response.text() });
      } catch (error) {
        results.push({ error: String(error) });
      }
    }
    return Response.json(results);
  },
};`;

const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    telemetry: { enabled: false },
    workers: [
      {
        name: "caller",
        compatibilityDate,
        compatibilityFlags: LOADER_FLAGS,
        modules: true,
        script: callerScript,
        serviceBindings: { LOADER: LOADER_SERVICE },
      },
      await loaderService({
        bundle: await pyodideBundle(path.resolve(import.meta.dirname, "../..")),
        compatibilityDate,
      }),
    ],
  }),
);
const url = await miniflare.ready;
for await (const body of createInterface({ input: process.stdin })) {
  const response = await fetch(url, { method: "POST", body });
  process.stdout.write(`${await response.text()}\n`);
}
await miniflare.dispose();
process.exit(0);
