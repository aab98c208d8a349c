/** The measurements in `docs/performance.md`, from the files in `bench/results/`. @module */

import { table } from "./markdown.ts";

/** A file that a benchmark kept: `bench/report.ts` writes it. */
export interface Measurement {
  /** `<folder of the processor>/<name>.json` */
  readonly path: string;
  readonly command: string;
  readonly machine: {
    readonly processor: string;
    readonly cores: number;
    readonly loadAverage: number;
  };
  // deno-lint-ignore no-explicit-any -- each benchmark has its own results
  readonly results: any;
}

/** All files below a folder, in the order of their paths. */
export function readMeasurements(folder: URL): Measurement[] {
  const paths = [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory)
    .flatMap(({ name }) =>
      [...Deno.readDirSync(new URL(`${name}/`, folder))].map((file) => `${name}/${file.name}`)
    );
  return paths.filter((path) => path.endsWith(".json")).sort()
    .map((path) => ({ path, ...JSON.parse(Deno.readTextFileSync(new URL(path, folder))) }));
}

const models = { quickstart: "quick start", vit_s: "ViT-S/16", vit_b: "ViT-B/16" } as const;

function nameOf(model: string): string {
  return models[model as keyof typeof models];
}

const decimals = (value: number) => value.toFixed(2);
const gigabytes = (bytes: number) => `${decimals(bytes / 1e9)} GB`;
const times = (value: number) => `${decimals(value)} ×`;

/** Those of one benchmark, without the processor's folder and the end of the name. */
function ofKind(measurements: readonly Measurement[], kind: string): Measurement[] {
  return measurements.filter(({ path }) => path.split("/")[1].startsWith(kind));
}

/** A heading for each processor that something was measured on, and what `write` says about it. */
function byProcessor(
  measurements: readonly Measurement[],
  write: (own: readonly Measurement[]) => string[],
): string {
  const folders = Map.groupBy(measurements, ({ path }) => path.split("/")[0]);
  return [...folders.values()].flatMap((own) => {
    const parts = write(own);
    if (parts.length === 0) return [];
    const machines = new Set(
      own.map(({ machine }) => `${machine.processor}, ${machine.cores} cores`),
    );
    return [`### ${[...machines].join("; ")}`, ...parts];
  }).join("\n\n");
}

/** What a step was measured with, and the row of its table. */
function stepRow({ command, results }: Measurement): { order: number[]; cells: string[] } {
  const { model, batch, threads, precision, ratio, ratioOfFastest } = results;
  const provider = command.match(/--provider (\S+)/)?.[1];
  const kept = ["avx2", "amx"].filter((limit) => command.includes(`--${limit}`));
  const name = [
    nameOf(model),
    ...(provider ? [`\`${provider}\``] : []),
    ...kept.map((limit) => limit.toUpperCase()),
  ];
  const rank = Object.keys(models).indexOf(model);
  return {
    order: [provider ? 1 : 0, rank, precision === "float32" ? 0 : 1, kept.length, batch, threads],
    cells: [
      name.join(", "),
      ...[batch, threads, precision].map(String),
      decimals(ratio),
      decimals(ratioOfFastest),
    ],
  };
}

function stepTable(steps: readonly Measurement[]): string[] {
  if (steps.length === 0) return [];
  const rows = steps.map(stepRow).sort((a, b) => {
    const place = a.order.findIndex((value, index) => value !== b.order[index]);
    return place < 0 ? 0 : a.order[place] - b.order[place];
  });
  const head = [
    "model",
    "batch",
    "threads",
    "precision",
    "ours ÷ PyTorch, medians",
    "fastest rounds",
  ];
  return [table([head, ...rows.map(({ cells }) => cells)], 2)];
}

/** How much faster steps are on two threads than on one, where both were measured. */
function threadsSentence(steps: readonly Measurement[]): string[] {
  const pairs = steps.flatMap((one) => {
    const same = ({ path }: Measurement) => path === one.path.replace("_1_", "_2_");
    const two = one.results.threads === 1 ? steps.find(same) : undefined;
    if (two === undefined) return [];
    const gain = (side: string) =>
      times(two.results.imagesPerSecond[side] / one.results.imagesPerSecond[side]);
    const { model, batch } = one.results;
    return [`${nameOf(model)} at batch ${batch} ${gain("ours")} (PyTorch: ${gain("pytorch")})`];
  });
  if (pairs.length === 0) return [];
  return [`**Threads.** Steps on two threads are faster than on one: ${pairs.join(", ")}.`];
}

function tfjsSentence({ results }: Measurement): string {
  const ratio = (name: string) => Math.round(results.ratios[name].ratio);
  return `**Compared with tfjs.** On the ${nameOf(results.model)} at batch ${results.batch}, the ` +
    `\`wasm\` provider with ${results.threads.ours} threads runs ${
      ratio("tfjs:wasm")
    } times as many ` +
    "steps per second as tfjs' WebAssembly backend, which runs the same model as plain tfjs ops on one " +
    `thread, and ${
      ratio("tfjs:cpu")
    } times as many as its JavaScript backend (\`deno task bench tfjs\`).`;
}

function memorySentence({ results }: Measurement): string {
  const { model, batch, precision, ours, pytorch } = results;
  const [first, last] = [ours[0], ours.at(-1)];
  const format = precision === "float32" ? "" : ` in ${precision}`;
  return `**Memory.** A ${
    nameOf(model)
  } step at batch ${batch}${format} has a peak resident size of ` +
    `${gigabytes(last.peakBytes)}, PyTorch's ${gigabytes(pytorch.peakBytes)}. Ours is steady: ` +
    `${gigabytes(first.peakBytes)} after ${first.step} steps and ${
      gigabytes(last.peakBytes)
    } after ` +
    `${last.step}, of which ${gigabytes(last.peakTensorBytes)} are tensors ` +
    `(\`deno task bench resident ${model}${
      precision === "float32" ? "" : ` --precision ${precision}`
    }\`).`;
}

function dataSentence({ results }: Measurement): string {
  return "**Data.** Preparing a photo of 500 × 375 pixels (decode, jitter, flip, crop, resize, normalise) " +
    `is ${
      times(results.ratio)
    } as fast as with Pillow and NumPy, in CPU time (\`deno task bench data\`).`;
}

/** Whole steps beside PyTorch's, and what else was measured on each processor. */
function stepsPart(measurements: readonly Measurement[]): string {
  return byProcessor(measurements, (own) => {
    const steps = ofKind(own, "cpu_step_");
    return [
      ...stepTable(steps),
      ...busySentence(steps),
      ...ofKind(own, "cpu_tfjs_").map(tfjsSentence),
      // Other work takes a different share from one thread and from two.
      ...(isBusy(steps) ? [] : threadsSentence(steps)),
      ...ofKind(own, "cpu_resident_").map(memorySentence),
      ...ofKind(own, "data_pipeline").map(dataSentence),
    ];
  });
}

/** Rates of products in bfloat16, where they were measured. */
function reducedProductsTable(own: readonly Measurement[]): string[] {
  const products = ofKind(own, "cpu_bfloat16_products_").flatMap(({ results }) => results);
  if (products.length === 0) return [];
  const head = ["bfloat16", "threads", "PyTorch", "`native`", "`native` with AMX"];
  const rows = products.map(({ rows, columns, depth, threads, gigaflops }) => [
    `${rows} × ${columns} × ${depth}`,
    String(threads),
    ...["pytorch", "native", "amx"].map((side) => gigaflops[side]?.toFixed(0) ?? ""),
  ]);
  const range = rangeOf(products, "amx", "`native` with AMX");
  return [table([head, ...rows], 1), ...range];
}

/** How one side's rates compare with PyTorch's. */
// deno-lint-ignore no-explicit-any -- each benchmark has its own results
function rangeOf(products: readonly any[], side: string, name: string): string[] {
  const ratios = products.flatMap(({ gigaflops }) =>
    gigaflops[side] === undefined ? [] : [gigaflops[side] / gigaflops.pytorch]
  );
  if (ratios.length === 0) return [];
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map(decimals);
  return [`${name} runs at ${least} to ${most} of PyTorch's rate.`];
}

/** Rates of matrix products, a table for each number of threads. */
function productsPart(measurements: readonly Measurement[]): string {
  const head = [
    ...["rows × columns × depth", "threads", "PyTorch", "`native`", "`blas`", "`wasm`"],
    ...["limit", "share"],
  ];
  return byProcessor(measurements, (own) => {
    const products = ofKind(own, "cpu_products_").flatMap(({ results }) => results);
    if (products.length === 0) return reducedProductsTable(own);
    const rows = products.map(({ rows, columns, depth, threads, gigaflops, shareOfWasmLimit }) => {
      const { pytorch, native, blas, wasm, wasmLimit } = gigaflops;
      const rates = [pytorch, native, blas, wasm, wasmLimit].map((rate?: number) =>
        rate?.toFixed(0) ?? ""
      );
      return [
        `${rows} × ${columns} × ${depth}`,
        String(threads),
        ...rates,
        decimals(shareOfWasmLimit),
      ];
    });
    const range = rangeOf(products, "native", "`native`");
    return [
      table([head, ...rows], 1),
      ...range,
      ...reducedProductsTable(own),
      ...busySentence([...ofKind(own, "cpu_products_"), ...ofKind(own, "cpu_bfloat16_products_")]),
    ];
  });
}

/** What `precision: auto` chose, and steps with it beside float32. */
function autoPart(measurements: readonly Measurement[]): string {
  const head = [
    ...["model", "`auto` takes", "batch", "threads", "steps, ÷ float32"],
    "float32 ÷ float32",
  ];
  return byProcessor(measurements, (own) => {
    const found = ofKind(own, "cpu_auto_");
    if (found.length === 0) return [];
    const rows = found.flatMap(({ results: { threads, steps } }) =>
      // deno-lint-ignore no-explicit-any -- each benchmark has its own results
      steps.map(({ model, batch, chosen, speedups }: any) => {
        const speeds = [speedups[chosen], speedups.again];
        return [nameOf(model), chosen, String(batch), String(threads), ...speeds.map(decimals)];
      })
    );
    return [table([head, ...rows], 2), ...busySentence(found)];
  });
}

/** Kernels that compute little, beside a copy by the same threads. */
function bandwidthPart(measurements: readonly Measurement[]): string {
  return byProcessor(measurements, (own) => {
    const found = ofKind(own, "cpu_bandwidth_");
    if (found.length === 0) return [];
    const rows = found.flatMap(({ results: { threads, results } }) =>
      // deno-lint-ignore no-explicit-any -- each benchmark has its own results
      results.map(({ name, gigabytesPerSecond, shareOfCopy }: any) => [
        `\`${name}\``,
        String(threads),
        gigabytesPerSecond.toFixed(1),
        decimals(shareOfCopy),
      ])
    );
    return [table([["kernel", "threads", "GB/s", "÷ copy"], ...rows], 1), ...busySentence(found)];
  });
}

/** Programs below this share of a step are not worth a row. */
const leastPercent = 0.3;

/** What steps spend their time on, a table for each of them. */
function profilePart(measurements: readonly Measurement[]): string {
  return byProcessor(measurements, (own) => {
    const found = ofKind(own, "cpu_profile_");
    const parts = found.flatMap(({ results }) => {
      const { model, batch, threads, precision, programs, programsOfStep } = results;
      const rows = [...programs, {
        name: "between programs",
        perStep: "",
        percent: results.elsewherePercent,
      }].filter(({ percent }) => percent >= leastPercent)
        .map(({ name, perStep, percent }) => [name, String(perStep), percent.toFixed(1)]);
      const unit = threads === 1 ? "thread" : "threads";
      return [
        `${nameOf(model)}, batch ${batch}, ${precision}, ${threads} ${unit}: ` +
        `${programsOfStep} programs a step.`,
        table([["program", "a step", "% of the time"], ...rows], 1),
      ];
    });
    return [...parts, ...busySentence(found)];
  });
}

/** By the load at the end: other programs that run then ran before. */
function isBusy(found: readonly Measurement[]): boolean {
  return found.some(({ machine }) => machine.loadAverage > 2 * machine.cores);
}

function busySentence(found: readonly Measurement[]): string[] {
  return isBusy(found) ? ["Measured while the machine was busy with other work."] : [];
}

const parts = {
  steps: stepsPart,
  products: productsPart,
  auto: autoPart,
  bandwidth: bandwidthPart,
  profile: profilePart,
};

/**
 * A page with its measurements as the files have them: between `<!-- measured: steps -->` and
 * `<!-- /measured -->`.
 */
export function withMeasurements(page: string, measurements: readonly Measurement[]): string {
  return page.replaceAll(
    /(<!-- measured: (\w+) -->\n)[\s\S]*?(<!-- \/measured -->)/g,
    (_, start, name: keyof typeof parts, end) => `${start}\n${parts[name](measurements)}\n\n${end}`,
  );
}
