import { tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { Tape } from "../../backends/tfjs/tape.ts";
import { MaskedImageModel } from "../../models/masked_image_model.ts";
import { initialiseFrom } from "../../models/parameter_set.ts";
import type { Comparison } from "./comparison.ts";
import { encodeAll, mimConfig, type MimSizes, runModel } from "./compare_mim.ts";
import { evaluateFormula } from "./formula.ts";
import { type Fixture, nameGradients, readBack, takeGradients } from "./fixture.ts";

interface GeometrySettings {
  readonly config: MimSizes & { readonly B: number };
  /** Of `pixel[b,ch,y,x]`. */
  readonly image_formula: string;
  /** For `id[b,i]`, for every patch. */
  readonly target_formula: string;
  readonly loss_1: number;
  readonly loss_2: number;
  readonly grad_norms: Readonly<Record<string, number>>;
}

/** For each row of logits [M, K]: log Σ exp, the target's logit, and which is largest. */
function summarise(logits: Float32Array, targets: ArrayLike<number>, codes: number) {
  const rows = logits.length / codes;
  const [logsumexp, target, argmax] = [0, 1, 2].map(() => new Float64Array(rows));
  for (let row = 0; row < rows; row++) {
    const values = logits.subarray(row * codes, (row + 1) * codes);
    for (let code = 1; code < codes; code++) {
      if (values[code] > values[argmax[row]]) argmax[row] = code;
    }
    const largest = values[argmax[row]];
    let sum = 0;
    for (const value of values) sum += Math.exp(value - largest);
    logsumexp[row] = largest + Math.log(sum);
    target[row] = values[targets[row]];
  }
  return { logsumexp, target, argmax };
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

/** `mim_geometry*`: the real patch grid and vocabulary, with inputs given by formulas. */
export async function compareGeometry(
  comparison: Comparison,
  on: Context,
  fixture: Fixture,
  json: unknown,
): Promise<void> {
  const settings = json as GeometrySettings;
  const { config } = settings;
  const patches = (config.img / config.patch) ** 2;
  const initialise = initialiseFrom(fixture.below("param."), null);
  const model = MaskedImageModel.create(on, mimConfig(config, fixture), initialise);
  const mask = Uint8Array.from(fixture.values("input.mask"));
  const targets = Int32Array.from(evaluateFormula(settings.target_formula, [config.B, patches]));
  const trainable = model.parameters.trainable;
  const found = await readBack<string>(on.backend, () => {
    const tape = Tape.open();
    try {
      const shape: [number, number, number, number] = [config.B, 3, config.img, config.img];
      const pixels = Float32Array.from(evaluateFormula(settings.image_formula, shape));
      const batch = {
        images: tf.tensor4d(pixels, shape),
        mask,
        targets,
      };
      const { encoded, loss, metrics } = runModel(on, model, batch);
      const gradients = takeGradients(on, tape, loss, trainable);
      const all = encodeAll(on, model, batch);
      return {
        feats: all.patches,
        feats_cls_pt: all.aggregated!,
        loss_1: metrics.loss1,
        loss_2: metrics.loss2,
        logits_1: model.logits(on, encoded.patches),
        logits_2: model.logits(on, encoded.aggregated!),
        ...nameGradients(trainable.map(({ name }) => name), gradients),
      };
    } finally {
      tape.close();
    }
  });
  model.dispose();

  const maskedTargets = targets.filter((_, row) => mask[row] !== 0);
  for (const branch of ["1", "2"]) {
    const summary = summarise(found[`logits_${branch}`], maskedTargets, config.vocab);
    const golden = (name: string) => fixture.values(`out.${name}_${branch}`);
    const { logsumexp, target, argmax } = summary;
    comparison.check(`logsumexp_${branch}`, logsumexp, golden("logsumexp"), "activation");
    comparison.check(`target_logit_${branch}`, target, golden("target_logit"), "activation");
    // Reduced precision cannot decide which of two close logits is larger.
    if (on.precision === "float32") {
      comparison.check(`argmax_${branch}`, argmax, golden("argmax"), "exact");
    }
    comparison.check(`loss_${branch}`, found[`loss_${branch}`], golden("loss"), "loss");
  }
  for (const name of ["feats", "feats_cls_pt"]) {
    comparison.check(name, found[name], fixture.values(`out.${name}`), "activation");
  }
  const gradients = [...fixture.below("grad.")].map(([name, golden]) =>
    [name, found[`gradient:${name}`] ?? [], golden.values] as const
  );
  comparison.checkAll("gradients", gradients, "gradient");
  const norms = Object.entries(settings.grad_norms).map(([name, golden]) =>
    [name, [norm(found[`gradient:${name}`] ?? [])], [golden]] as const
  );
  comparison.checkAll("norms of all gradients", norms, "gradient");
}
