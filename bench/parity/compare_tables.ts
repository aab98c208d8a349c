import { tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { relativePositionBias } from "../../backends/ops/relative_position_bias.ts";
import {
  resizePositionEmbedding,
  resizeRelativeTable,
} from "../../checkpoints/formats/resize_positions.ts";
import { toFloat32 } from "../../checkpoints/tensors/tensor_data.ts";
import { relativePositionIndex } from "../../core/relative_position.ts";
import { parameterGroups } from "../../pipeline/optimize/parameter_groups.ts";
import { mmengineCosine } from "../../core/schedules/mmengine_cosine.ts";
import { unilmCosine } from "../../core/schedules/unilm_cosine.ts";
import type { Comparison } from "./comparison.ts";
import { type Fixture, readBack } from "./fixture.ts";

/** `rel_pos*`: index and bias of patch grids. */
export async function compareRelativePositions(
  comparison: Comparison,
  on: Context,
  fixture: Fixture,
): Promise<void> {
  for (const name of fixture.below("").keys()) {
    const grid = /^(\d+)x(\d+)\.index$/.exec(name);
    if (grid === null) continue;
    const [height, width] = [Number(grid[1]), Number(grid[2])];
    const index = relativePositionIndex(height, width);
    comparison.check(name, index, fixture.values(name), "exact");
    const size = `${height}x${width}`;
    if (!fixture.has(`${size}.table`)) continue;
    const tokens = height * width + 1;
    const { bias } = await readBack(on.backend, () => {
      const rows = tf.tensor2d(index, [tokens, tokens], "int32");
      const table = fixture.tensor(`${size}.table`);
      return { bias: relativePositionBias(on, table, rows) };
    });
    comparison.check(`${size}.bias`, bias, fixture.values(`${size}.bias`), "exact");
  }
  compareResizing(comparison, fixture);
}

/** Positions at another resolution: `pos_embed.*` and `rel_table.*`, each with its source. */
function compareResizing(comparison: Comparison, fixture: Fixture): void {
  const names = [...fixture.below("").keys()];
  const source = (prefix: string) => names.find((name) => name.startsWith(prefix));
  for (const name of names) {
    const embedding = /^pos_embed\.mmcls_bicubic_(\d+)x\1$/.exec(name);
    if (embedding !== null) {
      const { shape, values } = fixture.get(source("pos_embed.src")!);
      const tensor = { dtype: "F32", shape, data: values } as const;
      const resized = toFloat32(resizePositionEmbedding(tensor, Number(embedding[1])));
      comparison.check(name, resized, fixture.values(name), "resizedTable");
    }
    const table = /^rel_table\.mmcls_geometric_dst(\d+)$/.exec(name);
    if (table !== null) {
      const { shape: [rows, heads], values } = fixture.get(source("rel_table.src")!);
      // The fixture omits the cls token's three rows.
      const data = new Float32Array((rows + 3) * heads);
      data.set(values);
      const whole = { dtype: "F32", shape: [rows + 3, heads], data } as const;
      const resized = toFloat32(resizeRelativeTable(whole, (Number(table[1]) + 1) / 2));
      comparison.check(name, resized.subarray(0, -3 * heads), fixture.values(name), "resizedTable");
    }
  }
}

interface ScheduleTable {
  readonly schedules: readonly {
    readonly name: string;
    readonly family: "mmengine" | "unilm";
    readonly base_lr: number;
    readonly epochs: number;
    readonly warmup_epochs: number;
    readonly eta_min: number;
    readonly start_factor: number | null;
    readonly iters_per_epoch: number;
    readonly lr_at_iter: Readonly<Record<string, number>>;
  }[];
}

/** `lr_schedules*`: learning rates of whole runs. */
export function compareSchedules(comparison: Comparison, json: unknown): void {
  for (const golden of (json as ScheduleTable).schedules) {
    const schedule = { mmengine: mmengineCosine, unilm: unilmCosine }[golden.family]({
      base: golden.base_lr,
      minimum: golden.eta_min,
      warmupSteps: golden.warmup_epochs * golden.iters_per_epoch,
      totalSteps: golden.epochs * golden.iters_per_epoch,
      warmupFactor: golden.start_factor ?? 0,
    });
    const steps = Object.keys(golden.lr_at_iter).map(Number);
    const found = steps.map((step) => schedule(step));
    const expected = steps.map((step) => golden.lr_at_iter[step]);
    comparison.check(golden.name, found, expected, "learningRate");
  }
}

interface ReferenceGroup {
  readonly weight_decay: number;
  readonly lr_scale?: number;
  readonly names: readonly string[];
}

type ReferenceParameter = readonly [string, readonly number[], number, number];

/** Converts mmselfsup's name of a parameter back to ours. */
function ourName(name: string): string {
  return name
    .replace(/^neck\.patch_aggregation\./, "cls_pt_layers.")
    .replace(/^neck\.norm\./, "norm.")
    .replace(/^head\.cls_head\./, "lm_head.")
    .replace(/^head\.fc\./, "head.")
    .replace(/^backbone\.ln2\./, "fc_norm.")
    .replace(/^backbone\./, "")
    .replace(/^layers\./, "blocks.")
    .replace(/^patch_embed\.projection\./, "patch_embed.proj.")
    .replace(/\.ln([12])\./, ".norm$1.")
    .replace(/\.ffn\.layers\.0\.0\./, ".mlp.fc1.")
    .replace(/\.ffn\.layers\.1\./, ".mlp.fc2.");
}

/** Axes of a parameter, as far as the rules care: one for vectors, more for the rest. */
function shapeByName(name: string): number[] {
  return /(\.bias|_bias|gamma_\d|norm\d?\.weight|fc_norm\.weight)$/.test(name) ? [1] : [1, 1];
}

/** Learning-rate scale and weight decay of every parameter, from their names alone. */
function compareGroupList(
  comparison: Comparison,
  label: string,
  groups: readonly ReferenceGroup[],
  variant: "mmselfsup" | "unilm",
): void {
  const all = groups.flatMap(({ names, lr_scale, weight_decay }) =>
    names.map((name) => ({ name: ourName(name), scale: lr_scale ?? 1, decay: weight_decay }))
  );
  const scales = all.map(({ scale }) => scale).filter((scale) => scale < 1);
  // Only the head comes after the last block, whose scale is therefore the rate; the names give the
  // number of blocks.
  const rate = scales.length === 0 ? undefined : Math.max(...scales);
  const depth = 1 +
    Math.max(...all.map(({ name }) => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? -1)));
  const weightDecay = Math.max(...all.map(({ decay }) => decay));
  const found = parameterGroups(all.map(({ name }) => ({ name, shape: shapeByName(name) })), {
    variant,
    weightDecay,
    ...(rate === undefined ? {} : { layerDecay: { rate, depth } }),
  });
  comparison.checkAll(
    `${label}: scales`,
    all.map(({ name, scale }) => [name, [found.get(name)!.learningRateScale], [scale]]),
    "learningRate",
  );
  comparison.checkAll(
    `${label}: weight decays`,
    all.map(({ name, decay }) => [name, [found.get(name)!.weightDecay], [decay]]),
    "exact",
  );
}

/** `param_groups*`: groups of the real ViT-B models. */
export function compareParameterGroups(comparison: Comparison, json: unknown): void {
  for (const [label, table] of Object.entries(json as Record<string, unknown>)) {
    const variant = label.startsWith("unilm") ? "unilm" : "mmselfsup";
    if (Array.isArray(table)) {
      compareGroupList(comparison, label, table as ReferenceGroup[], variant);
      continue;
    }
    const { params } = table as { params: readonly ReferenceParameter[] };
    // The frozen tokenizer is in the reference's optimizer but never gets a gradient.
    const own = params.filter(([name]) => !name.startsWith("target_generator."));
    const groups = own.map(([name, , , decay]) => ({ weight_decay: decay, names: [name] }));
    compareGroupList(comparison, label, groups, variant);
  }
}
