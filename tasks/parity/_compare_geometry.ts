import { tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { Tape } from "../../backends/tape.ts";
import { MaskedImageModel } from "../../models/masked_image_model.ts";
import { initialiseFrom } from "../../models/parameter_set.ts";
import type { Comparison } from "./comparison.ts";
import { encodeAll, mimConfig, type MimSizes, runModel } from "./_compare_mim.ts";
import { type Fixture, nameGradients, readBack, takeGradients } from "./_fixture.ts";

interface GeometrySettings {
  readonly config: MimSizes & { readonly B: number };
  readonly loss_1: number;
  readonly loss_2: number;
  readonly grad_norms: Readonly<Record<string, number>>;
}

/** The image that the fixture describes by a formula, [B, 3, size, size]. */
function formulaImages(batch: number, size: number): Float32Array {
  const images = new Float32Array(batch * 3 * size * size);
  let place = 0;
  for (let b = 0; b < batch; b++) {
    for (let ch = 0; ch < 3; ch++) {
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
          const wave = 0.37 * (ch + 1) + 0.05 * y * (1 + 0.1 * b) + 0.031 * x * (ch + 1);
          images[place++] = Math.sin(wave) + 0.5 * Math.cos(0.011 * x * y / (1 + ch) + b);
        }
      }
    }
  }
  return images;
}

/** The codes that the fixture describes by a formula, for every patch. */
function formulaTargets(batch: number, patches: number, codes: number): Int32Array {
  return Int32Array.from(
    { length: batch * patches },
    (_, row) => ((row % patches) * 37 + Math.floor(row / patches) * 1009 + 5) % codes,
  );
}

/** Of each row of logits [M, K]: log Σ exp, the target's, and which is largest. */
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

/** `mim_geometry*`: the real patch grid and vocabulary, on inputs given by formulas. */
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
  const targets = formulaTargets(config.B, patches, config.vocab);
  const trainable = model.parameters.trainable;
  const found = await readBack<string>(on.backend, () => {
    const tape = Tape.open();
    try {
      const images = formulaImages(config.B, config.img);
      const batch = {
        images: tf.tensor4d(images, [config.B, 3, config.img, config.img]),
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
    // Which of two near logits is larger is not reduced precision's to say.
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
