// Run the cases of one client: `node run_cases.mjs FILE RESULTS`. A case is an exported function of the file;
// one with a parameter runs with each of the file's `MODELS`.
import { appendFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { reset } from "./gateway.mjs";

const [file, results] = process.argv.slice(2);
const { MODELS = [], ...cases } = await import(pathToFileURL(file));
for (const [name, run] of Object.entries(cases)) {
  let problem = null;
  for (const model of run.length ? MODELS : [undefined]) {
    await reset();
    try {
      await run(model);
    } catch (error) {
      problem = `${model ?? ""}\n${error?.stack ?? error}`;
      break;
    }
  }
  appendFileSync(results, `${JSON.stringify({ case: name, problem })}\n`);
}
// A client may keep connections open.
process.exit();
