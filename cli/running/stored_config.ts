/** The config stored in a run directory. */
import { isSection } from "../../configs/layers.ts";
import { readRunConfig as readConfigFile } from "../../checkpoints/store/run_directory.ts";
import { UserError } from "../../core/errors.ts";
import type { StoredConfig } from "../parsing/config_flags.ts";
import { isFolder } from "../../checkpoints/path_kinds.ts";

/** The contents of a run directory's `config.json`, or null if the path is not a folder. */
export function storedConfig(directory: string): StoredConfig | null {
  if (!isFolder(directory)) return null;
  const stored = readConfigFile(directory);
  if (stored === null) {
    throw new UserError(`Cannot read "${directory}" as a run: it has no config.json`);
  }
  if (!isSection(stored) || !isSection(stored.config)) {
    throw new UserError(
      `Cannot read "${directory}/config.json": it does not contain a run's config`,
    );
  }
  const origins = isSection(stored.origins) ? stored.origins as Record<string, string> : {};
  return { directory, config: stored.config, origins };
}
