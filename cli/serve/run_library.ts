/** All runs below a folder, found again at every check: runs come and go while one watches. */
import { eventsFile, metricsFile } from "../../checkpoints/store/run_directory.ts";
import { type RunSummary, RunView } from "./run_view.ts";

/** How many levels of folders are searched. */
const mostDepth = 4;
/** Folders in a run that contain no runs. */
const skipped = new Set(["checkpoints", "node_modules"]);

/** The folders with a log, relative to the root, by id; links are not followed. */
function findRuns(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const search = (directory: string, id: string, depth: number) => {
    let entries: Deno.DirEntry[];
    try {
      entries = [...Deno.readDirSync(directory)];
    } catch {
      return; // Deleted meanwhile, or not ours to read.
    }
    const isRun = entries.some(({ name, isFile }) =>
      isFile && (name === metricsFile || name === eventsFile)
    );
    if (isRun) found.set(id === "" ? "." : id, directory);
    if (depth >= mostDepth) return;
    for (const { name, isDirectory } of entries) {
      if (!isDirectory || name.startsWith(".") || skipped.has(name)) continue;
      search(`${directory}/${name}`, id === "" ? name : `${id}/${name}`, depth + 1);
    }
  };
  search(root, "", 0);
  return found;
}

/** The runs in a folder. */
export class RunLibrary {
  readonly #root: string;
  readonly #runs = new Map<string, RunView>();

  /** @param root folder of runs, or a single run */
  constructor(root: string) {
    this.#root = root;
  }

  /** Finds runs and reads what is new in them. */
  refresh(): void {
    const found = findRuns(this.#root);
    for (const id of this.#runs.keys()) if (!found.has(id)) this.#runs.delete(id);
    for (const [id, directory] of found) {
      const run = this.#runs.get(id) ?? new RunView(id, directory);
      this.#runs.set(id, run);
      try {
        run.refresh();
      } catch {
        this.#runs.delete(id); // Deleted while it was read; the next look finds what is left.
      }
    }
  }

  /** The newest first. @param now seconds since 1970 */
  summaries(now: number): RunSummary[] {
    const all = Array.from(this.#runs.values(), (run) => run.summary(now));
    return all.sort((a, b) => b.updated - a.updated || a.id.localeCompare(b.id));
  }

  /** A run by its id: only what was found is ever opened, never a path from a request. */
  run(id: string): RunView | undefined {
    return this.#runs.get(id);
  }
}
