/** The config that a run directory keeps. */
import { isSection } from "../../configs/layers.ts";
import { readRunConfig as readConfigFile } from "../../checkpoints/store/run_directory.ts";
import { UserError } from "../../core/errors.ts";
import type { StoredConfig } from "../parsing/config_flags.ts";

/** Whether a path is a folder; a name that is no path is none. */
function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** What `config.json` of a run directory says, or null where the path is no folder. */
export function storedConfig(directory: string): StoredConfig | null {
  if (!isFolder(directory)) return null;
  const stored = readConfigFile(directory);
  if (stored === null) {
    throw new UserError(`Cannot read "${directory}" as a run: it holds no config.json`);
  }
  if (!isSection(stored) || !isSection(stored.config)) {
    throw new UserError(`Cannot read "${directory}/config.json": it holds no config of a run`);
  }
  const origins = isSection(stored.origins) ? stored.origins as Record<string, string> : {};
  return { directory, config: stored.config, origins };
}
