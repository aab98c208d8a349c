import type { Config } from "../../configs/schema.ts";
import { type RunOptions, RunSession } from "./session.ts";
import { withSmallerMicroBatches } from "./smaller_micro_batches.ts";

/**
 * Does `work` in a session that is closed after it; in another one, with fewer images at a time, where
 * the memory did not suffice and the config leaves their number open.
 */
export function inSession<Options extends RunOptions, Result>(
  config: Config,
  options: Options,
  work: (session: RunSession, options: Options) => Promise<Result>,
): Promise<Result> {
  return withSmallerMicroBatches(config, options, async (options) => {
    const session = await RunSession.open(config, options);
    try {
      return await work(session, options);
    } finally {
      await session.close();
    }
  });
}
