// From an edit to a worker that can be loaded: watches the source files and runs `[build] command`.
import { execFile } from "node:child_process";
import { existsSync, watch } from "node:fs";
import path from "node:path";

const QUIET_MS = 150; // an editor writes a file in several steps

/** Run the worker's `[build] command`, if it has one; reject with the command's output if it fails. */
export async function build({ name, folder, config }) {
  const { command, cwd } = config.build;
  if (!command) return;
  await new Promise((resolve, reject) => {
    execFile("sh", ["-c", command], { cwd: path.resolve(folder, cwd ?? ".") }, (error, stdout, stderr) => {
      if (error) reject(new Error(`The build of ${name} failed: ${command}\n${stdout}${stderr}`.trimEnd()));
      else resolve();
    });
  });
}

/**
 * Call `onEdit(names of workers)` when no file has changed for a moment, one call at a time. An edit of shared/ is an
 * edit of every worker.
 */
export function watchSources({ root, workers, onEdit }) {
  let edited = new Set();
  let timer;
  let busy = false;

  async function reportEdits() {
    if (busy || edited.size === 0) return;
    busy = true;
    const names = edited;
    edited = new Set();
    await onEdit(names);
    busy = false;
    if (edited.size > 0) timer = setTimeout(reportEdits, QUIET_MS);
  }

  function watchFolder(folder, names, options) {
    if (!existsSync(folder)) return;
    watch(folder, options, (_, file) => {
      if (!file || !/(\.py|\.toml|\.vars)$/.test(file)) return;
      for (const name of names) edited.add(name);
      clearTimeout(timer);
      timer = setTimeout(reportEdits, QUIET_MS);
    });
  }

  for (const { name, folder, config } of workers) {
    watchFolder(folder, [name], {}); // wrangler.toml, pyproject.toml, .dev.vars, but not python_modules/
    watchFolder(path.dirname(config.main), [name], { recursive: true });
  }
  watchFolder(
    path.join(root, "shared", "electrons"),
    workers.map(({ name }) => name),
    { recursive: true },
  );
}
