/** Small images, models and runs for the mistakes of the table of hints, made once. */
import { openSafetensors } from "../../checkpoints/safetensors/safetensors.ts";
import { writeSafetensors } from "../../checkpoints/safetensors/safetensors_writer.ts";
import { shapesSource } from "../../data/sources/shapes_source.ts";
import { tinyOverrides, writeTinyTokenizer } from "../tasks/_tiny.ts";
import { writeTinyData, writeTinyModel } from "../tasks/_tiny_model.ts";
import { tinyTokenizerOverrides } from "../tasks/_tiny_tokenizer.ts";
import { call } from "./_call.ts";

const models = new URL("../fixtures/models/", import.meta.url).pathname;
const onnx = new URL("../fixtures/onnx/", import.meta.url).pathname;

const onOneThread = "--backend cpu --threads 1 --workers 0";
const setAll = (values: readonly string[]) => values.map((value) => `--set ${value}`).join(" ");

const tinyFinetuning = setAll([
  "data.cacheBytes=0",
  "model.imageSize=16",
  "model.patchSize=4",
  "model.embedDim=16",
  "model.depth=2",
  "model.heads=2",
  "model.mlpRatio=2",
  "augment.testResize=18",
]);

const tinySegmentation = setAll([
  "augment.resize=[64,24]",
  "augment.stride=12",
  "model.embedDim=16",
  "model.depth=2",
  "model.heads=2",
  "model.mlpRatio=2",
  "segmentation.channels=8",
  "segmentation.auxiliaryChannels=4",
  "segmentation.outBlocks=[0,0,1,1]",
  "schedule.steps=2",
  "schedule.warmupSteps=0",
]);

/** Made pictures in ADE20K's layout, with three classes and a background. */
async function writeSegmentation(folder: string, counts: Record<string, number>): Promise<string> {
  for (const [split, count] of Object.entries(counts)) {
    const source = shapesSource(count, 3);
    for (const part of ["images", "annotations"]) {
      Deno.mkdirSync(`${folder}/${part}/${split}`, { recursive: true });
    }
    for (let index = 0; index < count; index++) {
      Deno.writeFileSync(`${folder}/images/${split}/${index}.ppm`, await source.read(index));
      const labels = await source.annotations!.read(index);
      Deno.writeFileSync(`${folder}/annotations/${split}/${index}.pgm`, labels);
    }
  }
  return folder;
}

/** Every label map of a split with one label in place of all. */
function relabel(folder: string, split: string, label: number): void {
  for (const { name } of Deno.readDirSync(`${folder}/annotations/${split}`)) {
    const path = `${folder}/annotations/${split}/${name}`;
    const bytes = Deno.readFileSync(path);
    Deno.writeFileSync(path, bytes.fill(label, bytes.length - 48 * 48));
  }
}

/** What stands for `{name}` in the commands of the table. */
export async function makeFixtures(folder: string): Promise<Map<string, string>> {
  const make = (name: string) => {
    Deno.mkdirSync(`${folder}/${name}`, { recursive: true });
    return `${folder}/${name}`;
  };
  const data = writeTinyData(folder);
  const model = await writeTinyModel(folder);
  const tokenizer = await writeTinyTokenizer(folder);

  const broken = writeTinyData(make("broken"));
  Deno.writeTextFileSync(`${broken}/train/bright/0.pgm`, "no image");
  const three = writeTinyData(make("three"));
  for (const split of ["train", "val"]) {
    Deno.mkdirSync(`${three}/${split}/grey`);
    Deno.copyFileSync(`${three}/${split}/dark/0.pgm`, `${three}/${split}/grey/0.pgm`);
  }
  const nested = `${folder}/nested`;
  Deno.mkdirSync(nested);
  Deno.renameSync(writeTinyData(make("unnested")), `${nested}/photos`);

  const shapes = await writeSegmentation(make("shapes"), { training: 4, validation: 2 });
  const brokenShapes = await writeSegmentation(make("broken-shapes"), {
    training: 4,
    validation: 2,
  });
  Deno.writeTextFileSync(`${brokenShapes}/images/validation/0.ppm`, "no image");
  const moreClasses = await writeSegmentation(make("more"), { training: 4, validation: 2 });
  relabel(moreClasses, "validation", 6);

  const large = `${folder}/large.safetensors`;
  await rewrite(model, large, (_, values) => {
    values[0] = 1e5;
    return true;
  });
  const part = `${folder}/part.safetensors`;
  await rewrite(model, part, (name) => name !== "blocks.0.norm1.bias");

  const deep = `${folder}/deep.jsonc`;
  Deno.writeTextFileSync(deep, `${'{"a":'.repeat(80)}1${"}".repeat(80)}`);
  const recipe = `${folder}/fine.jsonc`;
  Deno.writeTextFileSync(recipe, '{ "task": "finetune" }');
  const tinyRecipe = `${folder}/tokenizer.jsonc`;
  Deno.writeTextFileSync(tinyRecipe, tokenizerRecipe());
  const hook = `${folder}/file`;
  Deno.writeTextFileSync(hook, "");

  const words = `${tinyFinetuning} ${onOneThread} --quiet`;
  const small = `${words} --batch 6 --max-steps 1`;
  const fixtures = new Map(Object.entries({
    ...{ folder, data, model, tokenizer, broken, three, nested, shapes, moreClasses },
    ...{ brokenShapes, large, part, deep, recipe, tinyRecipe, models, onnx },
    file: hook,
    few: writeTinyData(make("few"), { train: 2, val: 2 }),
    one: `${data}/train/dark/0.pgm`,
    cpu: "--backend cpu --threads 1 --workers 0 --quiet",
    tiny: small,
    tinyBut: words,
    tinyPretraining: `${setAll(tinyOverrides(tokenizer))} --max-steps 1 --quiet`,
    tinyTokenizer: `${setAll(tinyTokenizerOverrides)} --max-steps 1 --quiet`,
    tinySegmentation: `${tinySegmentation} ${onOneThread} --patch-size 4 --batch 4 --quiet`,
    tinyProbe: `${onOneThread} --set augment.size=16 --set data.cacheBytes=0 --batch 6 --quiet`,
    classifier: `${folder}/classifier`,
    stopped: `${folder}/stopped`,
    changed: `${folder}/changed`,
    damaged: `${folder}/damaged`,
    empty: make("empty"),
  }));
  const train = async (out: string, from: string, more: string) => {
    const line = `finetune --data ${from} ${small} --out ${folder}/${out} ${more}`;
    const { code, error } = await call(line.split(/\s+/).filter(Boolean));
    if (code !== 0) throw new Error(`${line}: ${error}`);
  };
  await train("classifier", data, "--set schedule.steps=1");
  await train("stopped", data, "");
  const changing = writeTinyData(make("changing"));
  fixtures.set("changing", changing);
  await train("changed", changing, "");
  Deno.copyFileSync(`${changing}/train/dark/0.pgm`, `${changing}/train/dark/new.pgm`);
  await train("damaged", data, "");
  for (const { name } of Deno.readDirSync(`${folder}/damaged/checkpoints`)) {
    Deno.writeTextFileSync(`${folder}/damaged/checkpoints/${name}/model.safetensors`, "");
  }
  return fixtures;
}

/** A tokenizer of two steps as a recipe. */
function tokenizerRecipe(): string {
  return JSON.stringify({
    extends: "vqkd_quickstart",
    model: { embedDim: 16, depth: 1, heads: 2, mlpRatio: 2 },
    codebook: { codes: 32, codeDim: 4 },
    teacher: { hog: { fitImages: 40, localComponents: 8, globalComponents: 4 } },
    batchSize: 8,
    schedule: { steps: 2 },
  });
}

/** Writes those tensors of a file that `keep` keeps, and may change. */
async function rewrite(
  from: string,
  to: string,
  keep: (name: string, values: Float32Array) => boolean,
): Promise<void> {
  const file = await openSafetensors(from);
  const tensors = [];
  for (const name of file.names()) {
    const tensor = await file.read(name);
    if (keep(name, tensor.data as Float32Array)) tensors.push([name, tensor] as const);
  }
  await writeSafetensors(to, tensors, file.metadata);
  file.close();
}
