/**
 * Upper limits for the numbers in a config: far above what anybody trains, and low enough not to stall a
 * machine before the run can be planned. Whether a run fits into memory is for the plan to decide.
 */
export const most = {
  /** Side of an image, in pixels. */
  pixels: 16_384,
  /** Patches per image. */
  patches: 65_536,
  /** Channels, heads, code dimensions. */
  width: 65_536,
  /** Blocks of a transformer. */
  blocks: 1024,
  /** Ratios that multiply a size. */
  factor: 64,
  /** Classes, codes. */
  classes: 1_000_000,
  /** Images in a batch, or images fitted to. */
  images: 1_000_000,
  /** Entries of a list. */
  items: 64,
  operations: 64,
  neighbours: 100_000,
  iterations: 100_000,
  threads: 1024,
  /** Batches prefetched. */
  prefetch: 256,
  /** About 3000 years at one step per second. */
  steps: 100_000_000_000,
  epochs: 100_000_000,
  count: 1_000_000_000,
  /** The longest a timer can run: 24 days. */
  seconds: 2_000_000,
  megabytes: 100_000,
  gigabytes: 1_000_000,
  bytes: 2 ** 50,
} as const;
