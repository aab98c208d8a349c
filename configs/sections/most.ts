/**
 * The largest numbers that a config may hold: far above what anybody trains, and below what would stop a
 * machine before a plan can be made. Whether a run fits into memory is the plan's to say.
 */
export const most = {
  /** Side of an image, pixels. */
  pixels: 16_384,
  /** Patches of an image. */
  patches: 65_536,
  /** Channels, heads, code dimensions. */
  width: 65_536,
  /** Blocks of a transformer. */
  blocks: 1024,
  /** Ratios that multiply a size. */
  factor: 64,
  /** Classes, codes. */
  classes: 1_000_000,
  /** Images of a batch, or fitted to. */
  images: 1_000_000,
  /** Entries of a list. */
  items: 64,
  operations: 64,
  neighbours: 100_000,
  iterations: 100_000,
  threads: 1024,
  /** Batches made ahead. */
  prefetch: 256,
  /** About 3000 years of a step a second. */
  steps: 100_000_000_000,
  epochs: 100_000_000,
  count: 1_000_000_000,
  /** What a timer takes: 24 days. */
  seconds: 2_000_000,
  megabytes: 100_000,
  gigabytes: 1_000_000,
  bytes: 2 ** 50,
} as const;
