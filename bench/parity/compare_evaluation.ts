import { tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import type { RgbImage } from "../../data/images/image.ts";
import { type AugmentKind, augmentOnce } from "../../data/augment/rand_augment.ts";
import { type BeitConfig, vitBase } from "../../models/beit_config.ts";
import { BeitEncoder, encoderSpecs } from "../../models/beit_encoder.ts";
import { extractFeatures } from "../../models/features.ts";
import { initialiseFrom, ParameterSet } from "../../models/parameter_set.ts";
import type { FeatureSet } from "../../pipeline/evaluation/features.ts";
import { knnAccuracy } from "../../pipeline/evaluation/knn.ts";
import type { Comparison } from "./comparison.ts";
import { type Fixture, readBack } from "./fixture.ts";

type Fill = readonly [number, number, number];

interface EvaluationSettings {
  readonly knn: readonly {
    readonly k: number;
    readonly temperature: number;
    readonly num_classes: number;
    readonly top1: number;
    readonly top5: number;
  }[];
  readonly lp: {
    readonly config: {
      readonly img: number;
      readonly patch: number;
      readonly dim: number;
      readonly depth: number;
      readonly heads: number;
    };
  };
  readonly aug: readonly {
    readonly key: string;
    readonly op: string;
    readonly args: {
      readonly angle?: number;
      readonly bits?: number;
      readonly thr?: number;
      readonly magnitude?: number;
      readonly direction?: string;
      /** Blue, green, red. */
      readonly pad_val?: Fill;
    };
  }[];
  readonly aug_timm: readonly {
    readonly key: string;
    readonly args: readonly number[];
    readonly fillcolor?: Fill;
  }[];
}

/** timm's operations, with our magnitude as their argument. */
const timmOperations: Readonly<
  Record<string, readonly [AugmentKind, (argument: number, image: RgbImage) => number]>
> = {
  shear_x: ["shearX", (x) => x],
  shear_y: ["shearY", (x) => x],
  translate_x_rel: ["translateX", (x) => x],
  translate_y_rel: ["translateY", (x) => x],
  translate_x_abs: ["translateX", (x, { width }) => x / width],
  translate_y_abs: ["translateY", (x, { height }) => x / height],
  rotate: ["rotate", (x) => x],
  auto_contrast: ["autoContrast", () => 0],
  equalize: ["equalize", () => 0],
  invert: ["invert", () => 0],
  solarize: ["solarize", (x) => x],
  solarize_add: ["solarizeAdd", (x) => x],
  posterize: ["posterize", (x) => x],
  color: ["color", (x) => x - 1],
  contrast: ["contrast", (x) => x - 1],
  brightness: ["brightness", (x) => x - 1],
  sharpness: ["sharpness", (x) => x - 1],
};

/** mmcls' operations, with their direction. */
const mmclsOperations: Readonly<Record<string, AugmentKind>> = {
  AutoContrast: "autoContrast",
  Equalize: "equalize",
  Invert: "invert",
  Rotate: "rotate",
  Posterize: "posterize",
  Solarize: "solarize",
  SolarizeAdd: "solarizeAdd",
  ColorTransform: "color",
  Contrast: "contrast",
  Brightness: "brightness",
  Sharpness: "sharpness",
  "Shear horizontal": "shearX",
  "Shear vertical": "shearY",
  "Translate horizontal": "translateX",
  "Translate vertical": "translateY",
};

function compareAugmentations(
  comparison: Comparison,
  fixture: Fixture,
  settings: EvaluationSettings,
): void {
  const { shape: [height, width], values } = fixture.get("aug.src");
  const source: RgbImage = { width, height, data: Uint8Array.from(values) };
  for (const { key, args, fillcolor } of settings.aug_timm) {
    const [kind, amountOf] = timmOperations[key.replace("aug.timm.", "")];
    const fill = fillcolor ?? [0, 0, 0];
    const amount = amountOf(args[0], source);
    const found = augmentOnce(source, kind, amount, { library: "pillow", fill });
    comparison.check(key, found.data, fixture.values(key), "exact");
  }
  for (const { key, op, args } of settings.aug) {
    const kind = mmclsOperations[args.direction === undefined ? op : `${op} ${args.direction}`];
    const amount = args.angle ?? args.bits ?? args.thr ?? args.magnitude ?? 0;
    const [blue, green, red] = args.pad_val ?? [104, 116, 124];
    const fill = [red, green, blue] as const;
    const found = augmentOnce(source, kind, amount, { library: "opencv", fill });
    comparison.check(`${key} ${op}`, found.data, fixture.values(key), "twoLevels");
  }
}

async function compareNeighbours(
  comparison: Comparison,
  on: Context,
  fixture: Fixture,
  settings: EvaluationSettings,
): Promise<void> {
  const set = (name: string): FeatureSet => {
    const { shape: [count, width], values } = fixture.get(`knn.${name}_features`);
    const labels = Int32Array.from(fixture.values(`knn.${name}_labels`));
    return { values, count, width, labels };
  };
  for (const { k, temperature, num_classes, top1, top5 } of settings.knn) {
    const options = { neighbours: k, temperature };
    const found = await knnAccuracy(on, set("train"), set("test"), num_classes, options);
    const label = `k-NN of ${k}, temperature ${temperature}`;
    comparison.checkNumber(`${label}: top 1`, 100 * found.top1, top1, "percent");
    comparison.checkNumber(`${label}: top 5`, 100 * found.top5, top5, "percent");
  }
}

/** Features of every block: the cls token concatenated with the mean of the patch tokens. */
async function compareFeatures(
  comparison: Comparison,
  on: Context,
  fixture: Fixture,
  { lp }: EvaluationSettings,
): Promise<void> {
  const parameters = fixture.below("lp.param.");
  const config: BeitConfig = {
    ...vitBase,
    imageSize: lp.config.img,
    patchSize: lp.config.patch,
    embedDim: lp.config.dim,
    depth: lp.config.depth,
    heads: lp.config.heads,
    layerScaleInitValue: parameters.has("blocks.0.gamma_1") ? 1 : 0,
    usesAbsolutePositions: parameters.has("pos_embed"),
    usesSharedRelativePositionBias: parameters.has("rel_pos_bias.relative_position_bias_table"),
    usesRelativePositionBias: parameters.has("blocks.0.attn.relative_position_bias_table"),
    earlyLayers: 0,
    headLayers: 0,
  };
  const specs = encoderSpecs(config, { hasMaskToken: false });
  const own = ParameterSet.create(on, specs, initialiseFrom(parameters, null));
  const encoder = new BeitEncoder(on, config, own);
  const found = await readBack<string>(on.backend, () => {
    const layers = Array.from({ length: config.depth }, (_, layer) => layer);
    const images = fixture.tensor("lp.input");
    return Object.fromEntries(layers.map((layer) => {
      const kinds = (["cls", "meanPatches"] as const).map((kind) => ({ layer, kind }));
      return [`feature_layer${layer}`, tf.concat(extractFeatures(on, encoder, images, kinds), 1)];
    }));
  });
  encoder.dispose();
  own.dispose();
  for (const [name, values] of Object.entries(found)) {
    comparison.check(`lp.${name}`, values, fixture.values(`lp.${name}`), "activation");
  }
}

/** `eval_misc*`: k-NN, features for linear probes, RandAugment's operations. */
export async function compareEvaluation(
  comparison: Comparison,
  on: Context,
  fixture: Fixture,
  json: unknown,
): Promise<void> {
  const settings = json as EvaluationSettings;
  compareAugmentations(comparison, fixture, settings);
  await compareNeighbours(comparison, on, fixture, settings);
  await compareFeatures(comparison, on, fixture, settings);
}
