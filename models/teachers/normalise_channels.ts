/**
 * Colour normalisation on the device.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { ChannelStatistics } from "./teacher.ts";

/** (x − mean) / deviation per channel, images [B, 3, S, S] in [0, 1] → [B, 3, S, S]. */
export function normaliseChannels(images01: Tensor, statistics: ChannelStatistics): Tensor {
  const channels = (values: readonly number[]) => tf.tensor4d([...values], [1, 3, 1, 1]);
  return tf.div(tf.sub(images01, channels(statistics.mean)), channels(statistics.deviation));
}
