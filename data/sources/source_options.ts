/**
 * What of a data set is opened, whatever its layout.
 *
 * @module
 */
import type { LabelRule } from "./layout.ts";

/** Which part of a data set to open, and how to read it. */
export interface SourceOptions {
  /**
   * The part: a folder `train`, `val`, `test`, … of the data set. Left out: `train` where the data set
   * has splits, else all of it.
   */
  readonly split?: string;
  /**
   * Where labels come from. `auto` (the default): a list file, `.cls` or `.json` members, else class folders
   * where every picture lies in one; `folders` insists on class folders; `none` ignores all of these.
   */
  readonly labels?: LabelRule;
  /**
   * A list file of lines `path label` or `path`, relative to the folder of the split: a path, or one
   * inside the data set. Left out: `meta/<split>.txt` of the data set where there is one.
   */
  readonly list?: string;
  /**
   * A file that names images to leave out, an id a line, as `data check` writes it.
   */
  readonly exclude?: string;
  /**
   * Share of the images of each class that `val` and `test` mean, and `train` lacks, where the data set
   * has labels and no splits. Left out: such a data set has no `val`.
   */
  readonly holdOut?: number;
  /** Where the listings of folders with 20 000 files and more are kept between runs. */
  readonly cacheDirectory?: string;
}
