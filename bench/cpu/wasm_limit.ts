/** How fast WebAssembly's vectors of 128 bits multiply and add at most on this processor. */

import { describeKernel, type KernelDescription } from "../../backends/cpu/code/kernel_builder.ts";
import { encodeKernel } from "../../backends/cpu/wasm/encode_kernel.ts";
import { hasRelaxedSimd } from "../../backends/cpu/wasm/encode_kernels.ts";
import { encodeModule } from "../../backends/cpu/wasm/encode_module.ts";
import { instantiateKernels } from "../../backends/cpu/wasm/instantiate_kernels.ts";
import { wasmLanes } from "../../backends/cpu/wasm/lanes.ts";

const sums = 12;
const unroll = 8;

/** Nothing but independent sums in registers, with the instructions of the `wasm` provider. */
const multiplyAdds: KernelDescription = {
  name: "multiplyAdds",
  build: (k) => {
    const [turns, pointer] = k.indices("turns", "pointer");
    const factor = k.let(k.load(pointer));
    const all = Array.from({ length: sums }, () => k.let(k.load(pointer)));
    k.repeat(turns, () => {
      for (let copy = 0; copy < unroll; copy++) {
        for (const sum of all) sum.set(factor.multiplyAdd(factor, sum));
      }
    });
    for (const sum of all) k.store(pointer, sum);
  },
};

/** Gives a function that measures the limit of one thread, in operations a second. */
export async function openWasmLimit(): Promise<() => number> {
  const target = { addressBits: 32, hasRelaxedSimd: hasRelaxedSimd() } as const;
  const bytes = encodeModule([encodeKernel(describeKernel(multiplyAdds, wasmLanes), target)], {
    addressBits: 32,
    isShared: false,
    maximumBytes: 65536,
  });
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const { multiplyAdds: run } = instantiateKernels(await WebAssembly.compile(bytes), memory);
  // The engine compiles it better after some calls.
  for (let call = 0; call < 2000; call++) run(100, 0);
  return () => {
    const turns = 200_000;
    const start = performance.now();
    run(turns, 0);
    const seconds = (performance.now() - start) / 1000;
    return 2 * wasmLanes * sums * unroll * turns / seconds;
  };
}
