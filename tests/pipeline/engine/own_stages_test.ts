import assert from "node:assert/strict";
import { type Tensor, tf } from "../../../deps/tfjs.ts";
import { convertCheckpoint } from "../../../checkpoints/convert.ts";
import { openModel } from "../../../checkpoints/open_model.ts";
import { latestCheckpoint, loadCheckpoint } from "../../../checkpoints/store/store.ts";
import { toFloat32 } from "../../../checkpoints/tensors/tensor_data.ts";
import { replayFailure } from "../../../methods/replay.ts";
import type { PretrainParts, PretrainStages } from "../../../methods/beit/method.ts";
import type { NamedValues } from "../../../models/parameter_set.ts";
import { DivergenceError } from "../../../pipeline/engine/training/divergence.ts";
import { linearCrossEntropy } from "../../../backends/ops/linear_cross_entropy.ts";
import { readValues } from "../../../pipeline/weights/model_tensors.ts";
import { withFolder } from "../../tasks/_tiny.ts";
import {
  copyRun,
  lossesIn,
  runTiny,
  tasks,
  tinyConfigOf,
  type TinyOptions,
  writeTinyFiles,
} from "../../methods/_tiny_methods.ts";

/** A small head of one's own behind the encoder: it learns the codes, as the model's does. */
const ownLoss: PretrainStages["loss"] = {
  name: "ownLoss",
  parameters: [{ name: "head.weight", shape: [32, 16] }, { name: "head.bias", shape: [32] }],
  run({ patches, targets }, { on, parameters }) {
    const { loss } = linearCrossEntropy(on, {
      x: patches,
      weight: parameters!.value("head.weight"),
      bias: parameters!.value("head.bias"),
      targets,
    });
    return { loss, metrics: {} };
  },
};

async function groupOf(directory: string, group: string): Promise<Map<string, NamedValues>> {
  const file = await loadCheckpoint(latestCheckpoint(directory).checkpoint!.directory).open(group);
  try {
    return await readValues(file);
  } finally {
    file.close();
  }
}

Deno.test("a stage's own head learns, is saved, and goes on bitwise after a kill", async () => {
  await withFolder(async (folder, backend) => {
    const files = await writeTinyFiles(folder);
    const config = await tinyConfigOf("pretrain", files, ["precision=float32"]);
    const [whole, killed] = [`${folder}/whole`, `${folder}/killed`];
    const options: TinyOptions = { backend, stages: { loss: ownLoss } };
    const one = await tinyConfigOf("pretrain", files, ["precision=float32", "schedule.maxSteps=1"]);
    await runTiny(one, { ...options, directory: `${folder}/one` });
    await runTiny(config, {
      ...options,
      directory: whole,
      listener(event) {
        if (event.type === "step" && event.metrics.step === 8) copyRun(whole, killed);
      },
    });
    const name = "stages.loss.head.weight";
    const [first, last] = [await groupOf(`${folder}/one`, "model"), await groupOf(whole, "model")];
    assert.deepEqual(last.get(name)!.shape, [32, 16]);
    assert.notDeepEqual(first.get(name)!.values, last.get(name)!.values, "it moves");
    assert.ok((await groupOf(whole, "optimizer")).has(`firstMoment.${name}`));
    await runTiny(config, { ...options, directory: killed });
    assert.deepEqual(lossesIn(killed), lossesIn(whole));
    assert.deepEqual(await groupOf(killed, "model"), last);
    assert.match(
      Deno.readTextFileSync(`${whole}/metrics.jsonl`),
      /"ownLoss":/,
      "timed by its name",
    );
  });
});

Deno.test("a stage's own head is exported with the model, and comes back", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfigOf("pretrain", await writeTinyFiles(folder), [
      "schedule.maxSteps=1",
    ]);
    const directory = `${folder}/run`;
    await runTiny(config, { backend, directory, stages: { loss: ownLoss } });
    const name = "stages.loss.head.weight";
    const own = (await groupOf(directory, "model")).get(name)!;
    for (const to of ["unilm", "mmselfsup"] as const) {
      const out = `${folder}/${to}.pth`;
      const { unknown, missing } = await convertCheckpoint(directory, out, { to });
      assert.deepEqual([unknown, missing], [[], []]);
      const model = await openModel(out);
      const found = await model.rest.get(name)!.read();
      model.close();
      assert.deepEqual(toFloat32(found), own.values, to);
    }
  });
});

Deno.test("a stage's parameters start from the run's seed", async () => {
  await withFolder(async (folder, backend) => {
    const files = await writeTinyFiles(folder);
    const startOf = async (seed: number, name: string) => {
      const config = await tinyConfigOf("pretrain", files, [
        `seed=${seed}`,
        "schedule.maxSteps=1",
        "optimizer.lr=1e-30",
        "optimizer.weightDecay=0",
      ]);
      const directory = `${folder}/${name}`;
      await runTiny(config, { backend, directory, stages: { loss: ownLoss } });
      return (await groupOf(directory, "model")).get("stages.loss.head.weight")!.values;
    };
    const [a, b, c] = [await startOf(1, "a"), await startOf(1, "b"), await startOf(2, "c")];
    assert.deepEqual(a, b);
    assert.notDeepEqual(a, c);
  });
});

Deno.test("a run with stages of one's own is not resumed without them, nor the other way", async () => {
  await withFolder(async (folder, backend) => {
    const files = await writeTinyFiles(folder);
    const config = await tinyConfigOf("pretrain", files, ["schedule.maxSteps=2"]);
    const longer = await tinyConfigOf("pretrain", files);
    const [own, plain] = [`${folder}/own`, `${folder}/plain`];
    const stages = { loss: ownLoss };
    await runTiny(config, { backend, directory: own, stages });
    await runTiny(config, { backend, directory: plain });
    await assert.rejects(
      runTiny(longer, { backend, directory: own }),
      /"stages\.loss\.head\.weight" of a stage that this run does not have/,
    );
    await assert.rejects(
      runTiny(longer, { backend, directory: plain, stages }),
      /lacks "stages\.loss\.head\.weight" and 1 more/,
    );
    await assert.rejects(
      runTiny(longer, { backend, directory: null, stages: { lost: ownLoss } }),
      /Cannot replace the stage "lost".*load, augment, mask, tokenize, encode, loss, optimize/,
    );
  });
});

Deno.test("an own loss uses the model's prediction head: the same numbers as the method's", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfigOf("pretrain", await writeTinyFiles(folder));
    const losses = async (stages: TinyOptions["stages"]) => {
      const found: number[] = [];
      await runTiny(config, {
        backend,
        directory: null,
        ...(stages === undefined ? {} : { stages }),
        listener: (event) => {
          if (event.type === "step") found.push(event.metrics.loss);
        },
      });
      return found;
    };
    const loss = ({ model }: PretrainParts): Partial<PretrainStages> => ({
      loss: { name: "loss", run: (batch, { on }) => model.loss(on, batch) },
    });
    assert.deepEqual(await losses(loss), await losses(undefined));
  });
});

/** The stage in front of each method's last, which a test poisons. */
const lossOf: Readonly<Record<string, string>> = {
  pretrain: "loss",
  tokenizer: "quantize",
  finetune: "loss",
  linearProbe: "loss",
  segment: "loss",
};

for (const task of tasks) {
  Deno.test(`${task}: an own stage that diverges leaves a bundle that replays`, async () => {
    await withFolder(async (folder, backend) => {
      const config = await tinyConfigOf(task, await writeTinyFiles(folder), ["precision=float32"]);
      const poison = {
        name: "poison",
        parameters: [{ name: "scale", shape: [] }],
        run: (_: unknown, { parameters }: { parameters: { value(name: string): Tensor } }) => ({
          // The slope of a logarithm at zero is infinite.
          loss: tf.log(parameters.value("scale")),
          metrics: {},
          ...(task === "tokenizer" ? { details: tf.zeros([32]) } : {}),
        }),
      };
      const stages = { [lossOf[task]]: poison } as TinyOptions["stages"];
      const error = await runTiny(config, { backend, directory: `${folder}/run`, stages })
        .catch((error) => error);
      assert.ok(error instanceof DivergenceError, `${error}`);
      await assert.rejects(replayFailure(error.bundle!), /stages of your own .*no bundle holds/);
      const { isSame } = await replayFailure(error.bundle!, {
        backendName: "reference",
        ...(stages === undefined ? {} : { stages }),
      });
      assert.ok(isSame);
    });
  });
}
