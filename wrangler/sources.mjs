// The way from an edit to a worker that can be loaded: watching the source files, and running `[build] command`.
import { execFile } from "node:child_process";
import { existsSync, watch } from "node:fs";
import path from "node:path";

const QUIET_MS = 150; // an editor writes a file in several steps

/** Runs the worker's `[build] command`, if it has one; rejects with what the command printed. */
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

/** Calls `onEdit(names of workers)` when edits have come to rest, never twice at a time; shared/ is everybody's. */
export function watchSources({ root, workers, onEdit }) {
  let edited = new Set();
  let timer;
  let busy = false;

  async function settle() {
    if (busy || edited.size === 0) return;
    busy = true;
    const names = edited;
    edited = new Set();
    await onEdit(names);
    busy = false;
    if (edited.size > 0) timer = setTimeout(settle, QUIET_MS);
  }

  function follow(folder, names, options) {
    if (!existsSync(folder)) return;
    watch(folder, options, (_, file) => {
      if (!file || !/(\.py|\.toml|\.vars)$/.test(file)) return;
      for (const name of names) edited.add(name);
      clearTimeout(timer);
      timer = setTimeout(settle, QUIET_MS);
    });
  }

  for (const { name, folder, config } of workers) {
    follow(folder, [name], {}); // wrangler.toml, pyproject.toml, .dev.vars, but not python_modules/
    follow(path.dirname(config.main), [name], { recursive: true });
  }
  follow(
    path.join(root, "shared", "electrons"),
    workers.map(({ name }) => name),
    { recursive: true },
  );
}
