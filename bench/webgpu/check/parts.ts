/** What a device check runs, most telling first. @module */

/** Options of a check. */
export interface CheckOptions {
  /** Whose WebGPU, by comma: `deno,dawn`. */
  readonly webgpu: string;
  /** Python with PyTorch. */
  readonly python: string;
  /** PyTorch's device. */
  readonly device: string;
  /** Golden numbers; empty: the bundled ones. */
  readonly fixtures: string;
  /** Small models and few cases, to try the check itself without a GPU. */
  readonly small: boolean;
}

/** A program of the check, which keeps its results in a file of its own. */
export interface Part {
  readonly name: string;
  /** In `bench/webgpu/`, without its extension. */
  readonly program: string;
  readonly args: readonly string[];
  /** Seconds after which it is stopped. */
  readonly limit: number;
}

/** The parts in the order in which they run: where time is short, the last ones are left out. */
export function partsOf({ webgpu, python, device, fixtures, small }: CheckOptions): Part[] {
  const implementations = webgpu.split(",");
  const parts: Part[] = [];
  const models = small ? ["quickstart"] : ["vit_s", "vit_b"];
  const [batch, rounds] = small ? ["2", "1"] : ["64", "3"];
  for (const model of models) {
    for (const precision of ["float16", "float32"]) {
      for (const implementation of implementations) {
        parts.push({
          name: `step ${model} ${precision} ${implementation}`,
          program: "pytorch",
          args: [
            ...[model, "--batch", batch, "--rounds", rounds, "--precision", precision],
            ...["--webgpu", implementation, "--python", python, "--device", device],
          ],
          limit: small ? 600 : 60,
        });
      }
    }
  }
  for (const implementation of implementations) {
    parts.push({
      name: `correctness ${implementation}`,
      program: "correctness",
      args: [
        ...["--webgpu", implementation, "--fixtures", fixtures],
        ...(small ? ["--cases", "layerNorm"] : []),
      ],
      limit: small ? 600 : 90,
    });
  }
  for (const implementation of implementations) {
    parts.push({
      name: `products ${implementation}`,
      program: "products",
      args: [...(small ? ["1", "64x128"] : ["64"]), "--webgpu", implementation],
      limit: small ? 600 : 60,
    }, {
      name: `attention ${implementation}`,
      program: "attention",
      args: [...(small ? ["1", "17", "1"] : ["64"]), "--webgpu", implementation],
      limit: small ? 600 : 60,
    });
  }
  return parts;
}
