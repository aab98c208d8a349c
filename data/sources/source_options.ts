/**
 * What of a data set is opened, whatever its layout.
 *
 * @module
 */
import type { LabelRule } from "./layout.ts";

/** Which split of a data set to open, and how to read it. */
export interface SourceOptions {
  /**
   * The split: a folder `train`, `val`, `test`, … in the data set. Default: `train` if the data set has splits,
   * otherwise all of it.
   */
  readonly split?: string;
  /**
   * Where labels come from. `auto` (the default): a list file, `.cls` or `.json` members, or class folders if
   * every image is in one; `folders` insists on class folders; `none` ignores all of these.
   */
  readonly labels?: LabelRule;
  /**
   * A list file with lines `path label` or `path`, relative to the split's folder: a path, or one inside the
   * data set. Default: `meta/<split>.txt` in the data set, if it exists.
   */
  readonly list?: string;
  /** A file that lists images to exclude, one id per line, as written by `data check`. */
  readonly exclude?: string;
  /**
   * Share of each class's images that forms `val` and `test`, and that `train` lacks, if the data set has
   * labels but no splits. By default, such a data set has no `val`.
   */
  readonly holdOut?: number;
  /** Where to keep listings of folders with 20 000 or more files between runs. */
  readonly cacheDirectory?: string;
}
