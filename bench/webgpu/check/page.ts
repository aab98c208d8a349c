/** The page of a device check. @module */

import { escapeHtml, figureCards, htmlPage, htmlTable } from "../../../report/html.ts";
import type { PartOutcome } from "./run_parts.ts";

/** A check, as it is kept. */
export interface GpuCheck {
  readonly options: Readonly<Record<string, unknown>>;
  readonly machine: Readonly<Record<string, unknown>>;
  readonly outcomes: readonly PartOutcome[];
}

type Values = Readonly<Record<string, unknown>>;

/** The fields of the programs' results that the page shows. */
interface StepResult {
  readonly adapter: string;
  readonly pytorch: { readonly device?: string; readonly torch?: string };
  readonly model: string;
  readonly batch: number;
  readonly precision: string;
  readonly dispatches: number;
  readonly imagesPerSecond: { readonly ours: number; readonly pytorch: number };
  readonly teraflops: { readonly ours: number; readonly pytorch: number };
  readonly ratio: number;
  readonly milliseconds: Readonly<Record<string, number>>;
}

interface ProductResult {
  readonly inputs: number;
  readonly outputs: number;
  readonly tiling: string;
  readonly forward: number;
  readonly backward: number;
}

interface AttentionResult {
  readonly heads: number;
  readonly precision: string;
  readonly tiling: string;
  readonly teraflops: { readonly forward: number; readonly backward: number };
  readonly total: number;
}

interface Counted {
  readonly passed: number;
  readonly failed: readonly string[];
}

/** Kernels of a step that are listed; the others are summed. */
const listedKernels = 12;

/** An HTML page with everything that a check found. */
export function checkPage(check: GpuCheck): string {
  const adapter = adapterOf(check) ?? "no GPU was opened";
  const done = check.outcomes.filter(({ status }) => status === "ok").length;
  const sections = [
    figureCards([
      ["GPU", adapter],
      ["parts that are ok", `${done} of ${check.outcomes.length}`],
      ["processor", `${check.machine.processor}, ${check.machine.cores} cores`],
    ]),
    section("Steps beside PyTorch", stepTable(check)),
    section("Right numbers", correctnessTable(check)),
    section("Where a step's time goes", kernelTable(check)),
    section("Products, best tiling of each shape, TFLOP/s", productTable(check)),
    section("Attention, best tiling, TFLOP/s", attentionTable(check)),
    section("Parts", partTable(check)),
  ];
  return htmlPage("Device check", sections.join("\n"), "pre{white-space:pre-wrap}");
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  const body = rows.length > 1 ? htmlTable(rows) : "<p>Nothing was measured.</p>";
  return `<h2>${escapeHtml(title)}</h2>\n${body}`;
}

/** The results whose file starts with `prefix`, each with the last word of its part: whose WebGPU. */
function resultsOf<T>({ outcomes }: GpuCheck, prefix: string): { webgpu: string; values: T }[] {
  return outcomes.flatMap(({ name, results }) =>
    Object.entries(results)
      .filter(([file]) => file.startsWith(prefix))
      .map(([, values]) => ({ webgpu: name.split(" ").at(-1)!, values: values as T }))
  );
}

function adapterOf(check: GpuCheck): string | undefined {
  return resultsOf<Values>(check, "webgpu_").map(({ values }) => values.adapter)
    .find((adapter) => typeof adapter === "string") as string | undefined;
}

function stepTable(check: GpuCheck): string[][] {
  const rows = resultsOf<StepResult>(check, "webgpu_pytorch").map(({ webgpu, values }) => [
    values.model,
    values.precision,
    webgpu,
    `${values.batch}`,
    values.imagesPerSecond.ours.toFixed(1),
    values.imagesPerSecond.pytorch.toFixed(1),
    values.ratio.toFixed(2),
    values.teraflops.ours.toFixed(2),
    values.teraflops.pytorch.toFixed(2),
    `${values.dispatches}`,
  ]);
  const head = ["model", "precision", "WebGPU", "images", "images/s", "PyTorch", "ratio"];
  return [[...head, "TFLOP/s", "PyTorch", "dispatches"], ...rows];
}

function correctnessTable(check: GpuCheck): string[][] {
  const rows = resultsOf<Values>(check, "webgpu_correctness").flatMap(({ webgpu, values }) =>
    Object.entries(values).filter(([, each]) => typeof each === "object" && each !== null)
      .map(([what, each]) => {
        const { passed, failed } = each as Counted;
        return [webgpu, what, `${passed}`, `${failed.length}`, failed.join("; ")];
      })
  );
  return [["WebGPU", "what", "passed", "failed", "which"], ...rows];
}

function kernelTable(check: GpuCheck): string[][] {
  const rows = resultsOf<StepResult>(check, "webgpu_pytorch").flatMap(({ webgpu, values }) => {
    const all = Object.entries(values.milliseconds);
    const sum = all.reduce((total, [, each]) => total + each, 0);
    const rest = all.slice(listedKernels).reduce((total, [, each]) => total + each, 0);
    const listed = [...all.slice(0, listedKernels), ["all others", rest] as const];
    return listed.map(([kernel, each]) => [
      `${values.model}, ${values.precision}, ${webgpu}`,
      kernel,
      each.toFixed(2),
      `${(100 * each / sum).toFixed(1)} %`,
    ]);
  });
  return [["step", "kernel", "ms", "share"], ...rows];
}

function productTable(check: GpuCheck): string[][] {
  const rows = resultsOf<{ results: ProductResult[] }>(check, "webgpu_products").flatMap(
    ({ webgpu, values: { results } }) => {
      const shapes = Map.groupBy(results, ({ inputs, outputs }) => `${inputs} → ${outputs}`);
      return Array.from(shapes, ([shape, all]) => {
        const best = (way: "forward" | "backward") =>
          all.reduce((one, other) => other[way] > one[way] ? other : one);
        return [shape, webgpu].concat((["forward", "backward"] as const).flatMap((way) => [
          best(way)[way].toFixed(2),
          best(way).tiling,
        ]));
      });
    },
  );
  return [["layer", "WebGPU", "forward", "tiling", "backward", "tiling"], ...rows];
}

function attentionTable(check: GpuCheck): string[][] {
  const rows = resultsOf<{ results: AttentionResult[] }>(check, "webgpu_attention").flatMap(
    ({ webgpu, values: { results } }) => {
      const kinds = Map.groupBy(results, ({ heads, precision }) => `${heads} heads, ${precision}`);
      return Array.from(kinds, ([kind, all]) => {
        const best = all.reduce((one, other) => other.total < one.total ? other : one);
        const { forward, backward } = best.teraflops;
        return [kind, webgpu, forward.toFixed(2), backward.toFixed(2), best.tiling];
      });
    },
  );
  return [["", "WebGPU", "forward", "backward", "tiling"], ...rows];
}

function partTable({ outcomes }: GpuCheck): string[][] {
  const rows = outcomes.map(({ name, status, seconds, message }) => [
    name,
    status,
    seconds.toFixed(1),
    message ?? "",
  ]);
  return [["part", "", "seconds", "message"], ...rows];
}
