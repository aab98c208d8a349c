/** The bias of queries, keys and values, of which keys have none. @module */

import { addressOf } from "../../runtime.ts";
import type { CpuKernel } from "../cpu_kernel.ts";

export const qkvBias: CpuKernel<"qkvBias"> = {
  descriptions: [],
  create(runtime) {
    const { tensors, pool: { kernels } } = runtime;
    return {
      forward({ qBias, vBias }) {
        const { size } = qBias;
        const y = tensors.empty([3 * size]);
        const [to, rowBytes] = [addressOf(runtime, y), size * 4];
        kernels.copyRows(addressOf(runtime, qBias), rowBytes, to, rowBytes, 1, size);
        kernels.fill(to + rowBytes, size, 0);
        kernels.copyRows(addressOf(runtime, vBias), rowBytes, to + 2 * rowBytes, rowBytes, 1, size);
        return { y };
      },
      backward({ dy }) {
        const size = dy.size / 3;
        const third = (index: number) => {
          const part = tensors.empty([size]);
          const from = addressOf(runtime, dy) + index * size * 4;
          kernels.copyRows(from, size * 4, addressOf(runtime, part), size * 4, 1, size);
          return part;
        };
        return { dqBias: third(0), dvBias: third(2) };
      },
    };
  },
};
