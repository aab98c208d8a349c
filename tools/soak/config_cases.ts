/**
 * Configs with wild values and damaged recipes, resolved; those that are accepted train two steps.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { valueAt } from "../../configs/layers.ts";
import { leavesOf } from "../../configs/nodes.ts";
import { loadRecipe, recipeNames } from "../../configs/recipes.ts";
import { commandOf } from "../../configs/task.ts";
import { resolveConfig } from "../../methods/configs.ts";
import { type Config, loadMethod, type Task, tasks } from "../../methods/mod.ts";
import type { Generator } from "../../core/generator.ts";
import { runMethod } from "../../mod.ts";
import type { Case } from "./case.ts";
import { mutate, oneOf } from "./mutate.ts";
import { tinyTrainings } from "./trainings.ts";

const fixture = fileURLToPath(new URL("../../tests/fixtures/compat/0.1.0", import.meta.url));
const recipes = fileURLToPath(new URL("../../configs/recipes", import.meta.url));

const tiny = tinyTrainings({
  data: `${fixture}/data`,
  tokenizer: `${fixture}/runs/tokenizer`,
  pretrained: `${fixture}/runs/pretrain`,
});
/** What makes each task a training of one second; tasks without an entry are not run. */
const overridesOf = new Map(
  (Object.keys(tasks) as Task[]).flatMap((task) => {
    const overrides = tiny[commandOf(task) as keyof typeof tiny];
    return overrides === undefined ? [] : [[task, overrides] as const];
  }),
);
const tried = [...overridesOf.keys()];

/** Values that a config may be given by mistake or out of malice. */
const wild: readonly unknown[] = [
  ...[0, -1, 1, 2, 3, 7, 0.5, 1e-12, -0.001, 1.5, 63, 1000, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32],
  ...[2 ** 53, 1e18, 1e300, -(2 ** 31), NaN, Infinity],
  ...[
    "",
    " ",
    "auto",
    "none",
    "null",
    "-1",
    "1e9",
    "../x",
    "a\u0000b",
    "\u001b[31mred",
    "é".repeat(99),
  ],
  ...["x".repeat(5000), "http://127.0.0.1:1/x", "file:///nowhere", "__proto__"],
  ...[null, true, false, [], {}, [1, 2], [[]], ["x"], { x: 1 }, { __proto__: 1 }, [0, 0], [1, 0]],
  [1e9, 1e9],
];

/** Keys that would make the run read or write something that does not belong to this soak. */
const kept = /^(data\.source|output|backend\.name|teacher\.name)$/;

/** A value close to a valid one. */
function near(value: unknown, generator: Generator): unknown {
  if (typeof value === "number") {
    const others = [
      0,
      1,
      -value,
      value + 1,
      value - 1,
      2 * value,
      3 * value,
      value / 2,
      100 * value,
    ];
    return oneOf(others, generator);
  }
  if (typeof value === "boolean") return !value;
  if (Array.isArray(value) && value.length > 0) {
    return value.map((inner) => near(inner, generator));
  }
  return oneOf(wild, generator);
}

/** A few config keys with other values: close to the current ones, or wild. */
function otherValues(config: Config, generator: Generator): [string, unknown][] {
  const keys = leavesOf(tasks[config.task].schema).map(({ key }) => key).filter((key) =>
    !kept.test(key)
  );
  return Array.from({ length: generator.next() < 0.6 ? 1 : generator.integer(2, 3) }, () => {
    const key = oneOf(keys, generator);
    const isNear = generator.next() < 0.6;
    return [key, isNear ? near(valueAt({ ...config }, key), generator) : oneOf(wild, generator)];
  });
}

/** Trains two steps, and evaluates. */
async function train(config: Config): Promise<void> {
  let steps = 0;
  const stop = new AbortController();
  await runMethod(await loadMethod(config.task), config as never, {
    directory: null,
    memoryBudgetBytes: 1e9,
    signal: stop.signal,
    listener(event) {
      if (event.type === "step" && ++steps >= 2) stop.abort();
    },
  });
}

/** The bundled recipes unchanged, and as plain JSON, which is also YAML. */
async function recipeTexts(): Promise<[string, Uint8Array][]> {
  const texts: [string, Uint8Array][] = [];
  for (const name of recipeNames) {
    texts.push([".jsonc", Deno.readFileSync(`${recipes}/${name}.jsonc`)]);
    const { layers } = await loadRecipe(name);
    const plain = JSON.stringify(layers.at(-1)!.values, null, 2);
    texts.push([".yaml", new TextEncoder().encode(plain)]);
  }
  return texts;
}

/** Prepares the cases. */
export async function configCases(): Promise<Case> {
  const texts = await recipeTexts();
  return async (generator: Generator, index, about) => {
    const task = tried[index % tried.length];
    if (generator.next() < 0.2) return await damagedRecipe(oneOf(texts, generator), generator);
    const right = await resolveConfig({ task, overrides: overridesOf.get(task)! });
    const isText = generator.next() < 0.5;
    const given = otherValues(right.config, generator).map(([key, value]) =>
      isText ? `${key}=${JSON.stringify(value)}` : { key, value, origin: key }
    );
    about(`${task} ${JSON.stringify(given)}`);
    const { config } = await resolveConfig({
      task,
      overrides: [...overridesOf.get(task)!, ...given],
    });
    await train(config);
    return "trained";
  };
}

/** A recipe's text, damaged, in a separate file; it is resolved but not run. */
async function damagedRecipe(
  [suffix, bytes]: readonly [string, Uint8Array],
  generator: Generator,
): Promise<string> {
  const path = Deno.makeTempFileSync({ dir: ".", suffix });
  try {
    Deno.writeFileSync(path, mutate(bytes, generator));
    await resolveConfig({ recipe: path });
    return "resolved";
  } finally {
    Deno.removeSync(path);
  }
}
