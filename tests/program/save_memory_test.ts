import assert from "node:assert/strict";

/** Trains three steps of a wide, short model, saving after the second, and says the process's peaks. */
const program = `
  import { pretrain, resolveConfig } from "${new URL("../../mod.ts", import.meta.url)}";
  const { config } = await resolveConfig({
    task: "pretrain",
    overrides: [
      "model.imageSize=16", "model.patchSize=8", "model.embedDim=768", "model.depth=5",
      "model.heads=4", "model.earlyLayers=2", "model.headLayers=0", "model.codes=16",
      "mask.maskedPatches=1", "mask.minBlock=1", "tokenizer.checkpoint=pixels", "batchSize=2",
      "microBatchSize=2", "schedule.steps=3", "checkpoint.everySteps=2", "checkpoint.keepLast=1",
      "backend.name=cpu", "backend.threads=1", "data.workers=0", "data.cacheBytes=0",
      "precision=float32", "evaluation.knn.atEnd=false", "evaluation.linear.atEnd=false",
      "log.report=false",
    ],
  });
  const peak = () => Number(
    Deno.readTextFileSync("/proc/self/status").match(/VmHWM:\\\\s+(\\\\d+)/)[1]) * 1024;
  const peaks = {};
  await pretrain(config, {
    directory: Deno.args[0],
    listener(event) {
      if (event.type === "step" || event.type === "checkpoint") {
        peaks[event.type + (event.step ?? event.metrics.step)] = peak();
      }
    },
  });
  console.log(JSON.stringify(peaks));
`;

Deno.test({
  name: "saving a checkpoint takes the memory of a few tensors, not of all",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const script = `${folder}/program.ts`;
      await Deno.writeTextFile(script, program.replaceAll("\\\\", "\\"));
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-check", "--no-lock", "-A", script, `${folder}/run`],
        env: { NO_COLOR: "1" },
      }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      const peaks = JSON.parse(new TextDecoder().decode(stdout));
      const saved = `${folder}/run/checkpoints/step-3`;
      const bytes = ["model", "optimizer"].reduce(
        (sum, group) => sum + Deno.statSync(`${saved}/${group}.safetensors`).size,
        0,
      );
      assert.ok(bytes > 400e6, `${bytes}`);
      const grown = peaks.checkpoint2 - peaks.step2;
      assert.ok(grown < 2 * bytes / 3, `${grown} bytes more for a checkpoint of ${bytes}`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
