import assert from "node:assert/strict";
import { leavesOf } from "../../../configs/nodes.ts";
import { type RawConfig, valueAt } from "../../../configs/layers.ts";
import { recipeNames } from "../../../configs/recipes.ts";
import { resolveConfig } from "../../../methods/configs.ts";
import { tasks } from "../../../methods/mod.ts";

/** What an official file says, and the key that says it here, with the value where it is written otherwise. */
type Row = readonly [official: string, value: unknown, key: string, ours?: unknown];

interface Table {
  readonly recipes: Record<string, { readonly source: string; readonly rows: readonly Row[] }>;
  /** Recipes under other names for the same settings. */
  readonly sameAs: Record<string, string>;
}

const table: Table = JSON.parse(
  Deno.readTextFileSync(new URL("../../fixtures/official_recipes.json", import.meta.url)),
);
const page = Deno.readTextFileSync(new URL("../../../docs/from-mmselfsup.md", import.meta.url));

/** What differs from mmselfsup's files, by recipe; `docs/from-mmselfsup.md` says why. */
const pretraining = {
  precision: "auto",
  "log.everySteps": 1,
  "data.listFile": null,
  "data.workers": "auto",
};
const { precision: _, ...finetuning } = pretraining;
const differences: Record<string, Record<string, unknown>> = {
  "beitv2_vit-base-p16_8xb256-amp-coslr-300e_in1k": pretraining,
  "beitv2_vit-base-p16_8xb256-amp-coslr-1600e_in1k": pretraining,
  "vit-base-p16_ft-8xb128-coslr-100e_in1k": {
    ...finetuning,
    "model.dropPathRate": 0.1,
    "optimizer.layerDecay": 0.65,
  },
  "vit-base-p16_ft-8xb128-coslr-30e_in1k": finetuning,
};

/** Keys that the official files know nothing like: where and how a run is kept, watched and computed. */
const ownKeys = [
  /^(\$schema|task|method|output|pretrained|newHeads|microBatchSize|recompute)$/,
  /^(backend|distributed|evaluation|guard|log)\./,
  /^checkpoint\./,
  /^lossScale\./,
  /^data\.(source|split|evaluation\w+|listFile|labelFraction|workers|cacheBytes|prefetch)$/,
  /^data\.(onError|maxSkipped|maxPixels|exclude|holdOut)$/,
  /^model\.(sincosAmplitude|initVariant|dropPathTwice|usesSharedRelativePositionBias)$/,
  /^mask\.ratio$/,
  /^augment\.cropsPerImage$/,
  /^codebook\.(kmeansTokensPerCode|restartIdleSteps|usageWindow|usageAlarm)$/,
  /^teacher\.(checkpoint|hog|onnx|cache)/,
  /^kMeans\./,
  /^tokenizer\.(recipe|codesDirectory)$/,
  /^schedule\.(steps|maxSteps|warmupRatio)$/,
];
/** Of segmentation, mmsegmentation's configs leave these to code. */
const leftToCode = /^(seed|data\.(exif|shuffle|dropLast)|optimizer\.(epsilon|lrMultipliers))$/;

for (const [name, { source, rows }] of Object.entries(table.recipes)) {
  const isMmselfsup = !/unilm/.test(source);

  Deno.test(`recipe ${name} is ${source.split(",")[0]}'s, value by value`, async () => {
    const { config } = await resolveConfig({ recipe: name });
    const allowed = isMmselfsup ? differences[name] : { precision: "auto" };
    for (const [official, value, key, ours = value] of rows) {
      const found = valueAt(config as unknown as RawConfig, key);
      if (key in allowed) assert.notDeepEqual(ours, allowed[key as keyof typeof allowed], key);
      const wanted = key in allowed ? allowed[key as keyof typeof allowed] : ours;
      assert.deepEqual(found, wanted, `${key}: ${official} is ${JSON.stringify(value)}`);
    }
    const said = rows.map(([, , key]) => key);
    const silent = leavesOf(tasks[config.task].schema).map(({ key }) => key).filter((key) =>
      !said.some((one) => key === one || key.startsWith(`${one}.`) || one.startsWith(`${key}.`)) &&
      !ownKeys.some((pattern) => pattern.test(key)) &&
      !(config.task === "segment" && leftToCode.test(key))
    );
    assert.deepEqual(silent, [], "keys that nobody compared");
  });

  if (!isMmselfsup) continue;
  Deno.test(`docs/from-mmselfsup.md lists what differs in ${name}`, () => {
    const section = page.split("\n## ").find((part) => part.startsWith("What differs")) ?? "";
    for (const key of Object.keys(differences[name])) {
      assert.ok(section.includes(`\`${key}\``), `${key} is not in "What differs"`);
    }
  });
}

Deno.test("a recipe under another name for the same setting has all its values", async () => {
  for (const [name, other] of Object.entries(table.sameAs)) {
    const [one, same] = await Promise.all([name, other].map((recipe) => resolveConfig({ recipe })));
    const withoutRecipe = ({ config }: typeof one) =>
      "tokenizer" in config
        ? { ...config, tokenizer: { ...config.tokenizer, recipe: "" } }
        : config;
    assert.deepEqual(withoutRecipe(one), withoutRecipe(same), name);
  }
});

Deno.test("every full-size recipe is in the table", () => {
  const others = recipeNames.filter((name) =>
    !(name in table.recipes) && !(name in table.sameAs) && !/quickstart/.test(name)
  );
  // No script of BEiT v2's was released for either.
  assert.deepEqual(others.sort(), ["continue", "vit-base-p16_linear-8xb128-coslr-100e_in1k"]);
});
