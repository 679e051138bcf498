// Loads the code of each line of standard input through the local stack's Worker Loader, sends it one request, and prints
// what came of it: {"status", "body"} or {"error"}. A line is {"code": WorkerCode, "times"?: number of requests}.
import path from "node:path";
import { createInterface } from "node:readline";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { LOADER_FLAGS, LOADER_SERVICE, loaderService } from "../../wrangler/loader/processes.mjs";
import { pyodideBundle } from "../../wrangler/snapshot.mjs";

const compatibilityDate = "2026-10-01";

const caller = `
export default {
  async fetch(request, { LOADER }) {
    const { code, times = 1 } = await request.json();
    using worker = await LOADER.load({ compatibilityDate: "${compatibilityDate}", globalOutbound: null, ...code });
    using entrypoint = await worker.getEntrypoint();
    const answers = [];
    for (let sent = 0; sent < times; sent += 1) {
      try {
        const answer = await entrypoint.fetch("https://trial.example/path", { method: "POST", body: "body", redirect: "manual" });
        answers.push({ status: answer.status, body: await answer.text() });
      } catch (error) {
        answers.push({ error: String(error) });
      }
    }
    return Response.json(answers);
  },
};`;

const runtime = new Miniflare(
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
        script: caller,
        serviceBindings: { LOADER: LOADER_SERVICE },
      },
      await loaderService({
        bundle: await pyodideBundle(path.resolve(import.meta.dirname, "../..")),
        compatibilityDate,
      }),
    ],
  }),
);
const url = await runtime.ready;
for await (const body of createInterface({ input: process.stdin })) {
  const answer = await fetch(url, { method: "POST", body });
  process.stdout.write(`${await answer.text()}\n`);
}
await runtime.dispose();
process.exit(0);
