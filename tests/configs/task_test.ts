import assert from "node:assert/strict";
import {
  childrenOf,
  type JsonSchema,
  jsonSchemaOf,
  leavesOf,
  type Node,
} from "../../configs/nodes.ts";
import { jsonSchema } from "../../configs/json_schema.ts";
import { parseConfig } from "../../methods/configs.ts";
import { taskNames, tasks } from "../../methods/mod.ts";

function withoutDescription(node: Node, prefix = ""): string[] {
  return Object.entries(childrenOf(node) ?? {}).flatMap(([key, child]) => {
    const described = (child as { description?: string }).description ?? "";
    const own = described.length > 10 || key === "lossScale" ? [] : [`${prefix}${key}`];
    return childrenOf(child) === null ? own : withoutDescription(child, `${prefix}${key}.`);
  });
}

for (const task of taskNames) {
  Deno.test(`every key of task ${task} has a description`, () => {
    assert.deepEqual(withoutDescription(tasks[task].schema), []);
  });

  Deno.test(`task ${task} has a default for every key`, () => {
    const config = parseConfig({ task });
    assert.equal(config.task, task);
    assert.ok(leavesOf(tasks[task].schema).length > 20);
  });
}

Deno.test("configs/schema.json is what `deno task schema` writes", () => {
  const stored = Deno.readTextFileSync(new URL("../../configs/schema.json", import.meta.url));
  assert.deepEqual(JSON.parse(stored), JSON.parse(JSON.stringify(jsonSchema(tasks))));
});

Deno.test("parseConfig() takes what it gave", () => {
  for (const task of taskNames) {
    const config = parseConfig({ task, seed: 3 });
    assert.deepEqual(parseConfig({ ...config }), config);
  }
});

Deno.test("sizes follow from the model's", () => {
  const config = parseConfig({ task: "pretrain", model: { imageSize: 32, patchSize: 4 } });
  assert.equal(config.augment.size, 32);
  assert.equal(config.augment.tokenizerSize, 32);
  assert.equal(config.mask.maskedPatches, 25);
  assert.equal(config.mask.maxBlock, 25);
});

Deno.test("variant mmselfsup changes each option where the two differ, and one can be put back", () => {
  const unilm = parseConfig({ task: "pretrain" });
  const mmselfsup = parseConfig({
    task: "pretrain",
    variant: "mmselfsup",
    mask: { variant: "unilm" },
  });
  assert.deepEqual(mmselfsup, {
    ...unilm,
    variant: "mmselfsup",
    data: { ...unilm.data, exif: true, dropLast: false },
    augment: { ...unilm.augment, interpolation: "cv2-area" },
    model: { ...unilm.model, initVariant: "mmselfsup", dropPathTwice: true },
    tokenizer: { ...unilm.tokenizer, updatesDuringPretraining: true },
    optimizer: { ...unilm.optimizer, noDecayRule: "mmselfsup" },
    schedule: { ...unilm.schedule, variant: "mmselfsup", warmupStartFactor: 1e-4 },
  });
  const finetune = parseConfig({ task: "finetune", variant: "mmselfsup" });
  assert.equal(finetune.augment.interpolation, "pil-bicubic");
  assert.equal(finetune.model.headInitScale, 1);
  assert.equal(finetune.augment.mixing?.pairing, "permutation");
});

Deno.test("the length of a schedule is given once", () => {
  const steps = parseConfig({ task: "pretrain", schedule: { steps: 10, warmupRatio: 0.1 } });
  assert.equal(steps.schedule.epochs, null);
  assert.equal(steps.schedule.warmupEpochs, null);
  assert.equal(parseConfig({ task: "pretrain" }).schedule.steps, null);
});

/** Whether a schema, or a part of it, takes numbers of any size. */
function isUnbounded(schema: JsonSchema): boolean {
  const { anyOf = [], prefixItems = [], items, properties = {} } = schema as JsonSchema & {
    properties?: Record<string, JsonSchema>;
  };
  const parts = [...anyOf, ...prefixItems, ...Object.values(properties), ...(items ? [items] : [])];
  const high = schema.maximum ?? schema.exclusiveMaximum ?? Infinity;
  const isNumber = schema.type === "integer" || schema.type === "number";
  return (isNumber && high >= Number.MAX_SAFE_INTEGER) || parts.some(isUnbounded);
}

Deno.test("every number that decides time or memory has a maximum", () => {
  // What these multiply or are compared with takes no longer, and no more room, however large they are.
  const harmless = [
    /^seed$/,
    /lr$|minLr$|epsilon$|weightDecay$|clipGradNorm$|temperature$|power$|initial$/i,
    /^augment\.(cropScale|cropRatio|jitter\.\w+|randAugment\.\w+|randomErasing\.\w+)$/,
    /^mask\.aspect$/,
    /^model\.(layerScaleInitValue|sincosAmplitude|headInitScale)$/,
    /Weight$|Deviation$/,
    /^guard\.spareCheckpoints$/,
    /^teacher\.onnx\.(mean|deviation)$/,
  ];
  for (const task of taskNames) {
    const open = leavesOf(tasks[task].schema).filter(({ node }) => isUnbounded(jsonSchemaOf(node)))
      .map(({ key }) => key).filter((key) => !harmless.some((pattern) => pattern.test(key)));
    assert.deepEqual(open, [], task);
  }
});
