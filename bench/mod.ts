/**
 * Runs benchmarks by name, one after another, each in its own process; prints their ratios and keeps
 * them in `bench/results/`, in a folder for each processor.
 *
 *     deno task bench                         the most telling ones, in a few minutes
 *     deno task bench step vit_s --batch 4    one of them, with its own arguments
 *
 * The peer is taken from the environment: `python3` with PyTorch, Pillow and NumPy.
 *
 * @module
 */

interface Benchmark {
  readonly program: string;
  readonly measures: string;
  /** Arguments of the runs without a name. */
  readonly usual: readonly (readonly string[])[];
}

const benchmarks: Readonly<Record<string, Benchmark>> = {
  ops: {
    program: "cpu/products.ts",
    measures: "matrix products of each provider compared with PyTorch: " +
      "[--precision float32] [--threads 2] [--rounds 7] [--python python3]",
    usual: [["--threads", "1"], ["--threads", "2"]],
  },
  tilings: {
    program: "cpu/tilings.ts",
    measures: "ways to cut float32 products for AVX-512 and WebAssembly: " +
      "[--threads 1] [--rounds 15]",
    usual: [],
  },
  step: {
    program: "cpu/step.ts",
    measures:
      "training steps compared with PyTorch: <quickstart|vit_s|vit_b> [--batch 8] [--threads 2] " +
      "[--provider auto] [--precision float32] [--avx2] [--amx] [--rounds 5] [--python python3]",
    usual: [["quickstart", "--batch", "16", "--rounds", "15"], ["vit_s"]],
  },
  auto: {
    program: "cpu/auto.ts",
    measures:
      "what `precision: auto` chooses compared with float32: [--threads 2] [--provider auto] " +
      "[--rounds 7]",
    usual: [[]],
  },
  bandwidth: {
    program: "cpu/bandwidth.ts",
    measures: "norms, residuals, softmax, cross-entropy and AdamW compared with copying memory: " +
      "[--threads 2] [--provider auto] [--rows 12608] [--columns 768] [--rounds 15]",
    usual: [],
  },
  profile: {
    program: "cpu/profile.ts",
    measures: "what a step spends its time on, by task: <model> [--steps 5] [those of step]",
    usual: [],
  },
  tfjs: {
    program: "cpu/tfjs_peers.ts",
    measures:
      "training steps compared with tfjs' own backends: <model> [--batch 8] [--threads 2] " +
      "[--rounds 3]",
    usual: [["quickstart"]],
  },
  resident: {
    program: "cpu/resident.ts",
    measures:
      "resident memory of steps compared with PyTorch: <model> [--steps 50] [those of step]",
    usual: [],
  },
  data: {
    program: "data/pipeline.ts",
    measures: "preparing photos compared with Pillow and NumPy: [--python python3]",
    usual: [[]],
  },
  memory: {
    program: "memory.ts",
    measures: "peak memory of a step compared with the plan: <model> [batch 16]",
    usual: [],
  },
  recording: {
    program: "recording.ts",
    measures: "the cost of logs and reports: [steps]",
    usual: [],
  },
  webgpu: {
    program: "webgpu/step.ts",
    measures: "training steps on a GPU compared with tfjs' own kernels: see the file",
    usual: [],
  },
  "gpu-steps": {
    program: "webgpu/pytorch.ts",
    measures: "training steps on a GPU compared with PyTorch: <vit_s|vit_b> [--batch 64] " +
      "[--precision float32] [--webgpu deno] [--rounds 5] [--python python3]",
    usual: [],
  },
  gpu: {
    program: "webgpu/check/mod.ts",
    measures: "device check, in five minutes: right numbers, products, attention and steps on a " +
      "GPU compared with PyTorch: [--out .] [--minutes 5] [--python python3] " +
      "[--webgpu deno,dawn] [--small]",
    usual: [],
  },
  "gpu-versions": {
    program: "webgpu/versions.ts",
    measures: "the quick start on a GPU compared with an earlier version, metrics too: " +
      "--before COMMIT [--steps 60] [--rounds 5] [--set KEY=VALUE,KEY=VALUE]",
    usual: [],
  },
  "gpu-numbers": {
    program: "webgpu/everywhere.ts",
    measures: "right numbers on every emulated GPU, with subgroups and matrix units and without: " +
      "[--only NAME,NAME] [--cases PART OF A NAME] [--fixtures FOLDER]",
    usual: [],
  },
  "gpu-pack": {
    program: "webgpu/check/pack.ts",
    measures: "packs the device check for a machine without a network: [--out gpu_check]",
    usual: [],
  },
};

/** Runs one benchmark; returns its exit code. */
async function run(program: string, args: readonly string[]): Promise<number> {
  const file = new URL(program, import.meta.url);
  console.log(`== bench/${program} ${args.join(" ")}`);
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", decodeURIComponent(file.pathname), ...args],
  });
  return (await command.spawn().status).code;
}

function list(): void {
  console.log("Benchmarks: deno task bench NAME ARGUMENTS\n");
  for (const [name, { measures }] of Object.entries(benchmarks)) {
    console.log(`  ${name.padEnd(10)} ${measures}`);
  }
}

const [name, ...args] = Deno.args;
if (name === undefined) {
  for (const { program, usual } of Object.values(benchmarks)) {
    for (const these of usual) await run(program, these);
  }
} else if (name in benchmarks) {
  Deno.exit(await run(benchmarks[name].program, args));
} else {
  list();
  Deno.exit(["help", "--help", "-h"].includes(name) ? 0 : 2);
}
