import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { openModel } from "../../../checkpoints/open_model.ts";
import { UserError } from "../../../core/errors.ts";
import type { Source } from "../../../data/sources/source.ts";
import { loadTokenizer } from "../../../methods/vqkd/load_tokenizer.ts";
import { trainTokenizer } from "../../../methods/vqkd/method.ts";
import { withFolder } from "../../tasks/_tiny.ts";
import { figuresOf, stepsOf, tinyTokenizerConfig } from "../../tasks/_tiny_tokenizer.ts";

function readMetrics(directory: string): Record<string, unknown>[] {
  const text = Deno.readTextFileSync(`${directory}/metrics.jsonl`);
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** Two blank pictures again and again: all codes but a few must die. */
function blank(length: number): Source {
  const files = ["A", "Z"].map((grey) =>
    new TextEncoder().encode(`P5 16 16 255\n${grey.repeat(256)}`)
  );
  return {
    length,
    classes: [],
    entry: (index) => ({ id: `${index}`, label: -1 }),
    read: (index) => Promise.resolve(files[index % 2]),
  };
}

Deno.test("RankMe of a tokenizer is that of the vectors its codebook quantizes", async () => {
  await withFolder(async (folder, backend) => {
    const seen: number[] = [];
    const overrides = ["evaluation.rankMe.every=0.005", "evaluation.rankMe.atEnd=true"];
    const { rankMe } = await trainTokenizer(await tinyTokenizerConfig(overrides), {
      backend,
      directory: `${folder}/run`,
      listener: (event) => {
        if (event.type === "evaluation") seen.push(event.result.rankMe);
      },
    });
    assert.ok(seen.length > 1 && seen.every((value) => value > 1 && value < 4.01), `${seen}`);
    assert.equal(rankMe, seen.at(-1));
    const plain = await trainTokenizer(await tinyTokenizerConfig(), { backend });
    assert.equal(plain.rankMe, null);
  });
});

Deno.test("trainTokenizer() writes the promised keys and a small file of the tokenizer", async () => {
  await withFolder(async (folder, backend) => {
    const directory = `${folder}/run`;
    const result = await trainTokenizer(await tinyTokenizerConfig(), { backend, directory });
    assert.equal(result.step, 12);
    const lines = readMetrics(directory);
    assert.equal(lines.length, 12);
    const keys = ["step", "loss", "reconstructionLoss", "quantizationLoss", "teacherCosine"];
    keys.push("quantizationError", "codebookUsage", "codebookPerplexity", "deadCodes");
    keys.push("longestIdleSteps", "learningRate", "imagesPerSecond");
    for (const key of keys) assert.equal(typeof lines[11][key], "number", key);
    const [last] = lines.slice(-1) as Record<string, number>[];
    assert.ok(Math.abs(last.loss - last.reconstructionLoss - last.quantizationLoss) < 1e-5);
    assert.ok(Math.abs(last.teacherCosine - (1 - last.reconstructionLoss)) < 1e-6);
    assert.ok(last.quantizationError > 0 && last.quantizationError < 2);
    assert.ok(Math.abs(last.codebookUsage - (1 - last.deadCodes / 32)) < 1e-6);

    const opened = await openModel(`${directory}/tokenizer.safetensors`);
    assert.equal(opened.kind, "tokenizer");
    assert.deepEqual(opened.report.missing, []);
    assert.deepEqual(opened.report.unknown, []);
    const { heads, codes, codeDim, decoderDepth } = opened.shape;
    assert.deepEqual({ heads, codes, codeDim, decoderDepth }, {
      heads: 2,
      codes: 32,
      codeDim: 4,
      decoderDepth: 0,
    });
    opened.close();
    // The run itself and the small file give the same codebook, and nearly the same encoder.
    const on = { backend, precision: "float32" } as const;
    const exact = await loadTokenizer(on, directory);
    const small = await loadTokenizer(on, `${directory}/tokenizer.safetensors`);
    const [ours, theirs] = await Promise.all([
      exact.parameters.export(),
      small.parameters.export(),
    ]);
    for (const [name, { values }] of ours) {
      if (name === "quantize.idle_steps") continue;
      const worst = values.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - theirs.get(name)!.values[i])),
        0,
      );
      assert.ok(name.startsWith("quantize.") ? worst === 0 : worst < 2e-3, `${name}: ${worst}`);
    }
    exact.dispose();
    small.dispose();
  });
});

Deno.test("a tokenizer run stopped by its signal goes on to bitwise the same figures", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyTokenizerConfig();
    const whole = await stepsOf(config, { backend });
    const directory = `${folder}/run`;
    const stop = new AbortController();
    const first = await stepsOf(config, {
      backend,
      directory,
      signal: stop.signal,
      listener: (event) => {
        if (event.type === "step" && event.metrics.step === 7) stop.abort();
      },
    });
    assert.ok(first.length >= 7 && first.length < 12, `${first.length}`);
    const rest = await stepsOf(config, { backend, directory });
    assert.deepEqual(figuresOf([...first, ...rest]), figuresOf(whole));
    assert.deepEqual(readMetrics(directory).map(({ loss }) => loss), whole.map(({ loss }) => loss));
  });
});

Deno.test("a tokenizer run goes on from a copy of an earlier checkpoint as it did itself", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyTokenizerConfig(["microBatchSize=4"]);
    const directory = `${folder}/run`;
    const whole = await stepsOf(config, {
      backend,
      directory,
      listener: (event) => {
        // What a killed process would have left: the directory as it was after step 5.
        if (event.type !== "checkpoint" || event.step !== 5) return;
        Deno.mkdirSync(`${folder}/killed/checkpoints`, { recursive: true });
        const name = event.path.slice(event.path.lastIndexOf("/"));
        for (const file of Deno.readDirSync(event.path)) {
          Deno.mkdirSync(`${folder}/killed/checkpoints${name}`, { recursive: true });
          Deno.copyFileSync(
            `${event.path}/${file.name}`,
            `${folder}/killed/checkpoints${name}/${file.name}`,
          );
        }
      },
    });
    await cp(`${directory}/metrics.jsonl`, `${folder}/killed/metrics.jsonl`);
    const rest = await stepsOf(config, { backend, directory: `${folder}/killed` });
    assert.equal(rest.length, 7);
    assert.deepEqual(figuresOf(rest), figuresOf(whole.slice(5)));
    assert.equal(readMetrics(`${folder}/killed`).length, 12);
  });
});

Deno.test("a collapsed codebook raises the alarm once, with the remedy", async () => {
  await withFolder(async (_, backend) => {
    const config = await tinyTokenizerConfig([
      "codebook.codes=128",
      "codebook.restartIdleSteps=null",
      "codebook.kmeansTokensPerCode=1",
    ]);
    const warnings: string[] = [];
    const steps = await stepsOf(config, {
      backend,
      source: blank(40),
      listener: (event) => {
        if (event.type === "warning") warnings.push(event.message);
      },
    });
    const [few, ...alarms] = warnings;
    assert.match(few, /40 images have 640 tokens, 5 for each of 128 codes.*codebook\.codes=32/);
    assert.equal(alarms.length, 1, alarms.join("\n"));
    assert.match(alarms[0], /has collapsed: 1\d\d of 128 codes.*restartIdleSteps/);
    assert.ok(steps.at(-1)!.codebookUsage as number < 0.15);
    assert.equal(steps.at(-1)!.longestIdleSteps, 12);
  });
});

Deno.test("a healthy codebook raises no alarm", async () => {
  await withFolder(async (_, backend) => {
    const warnings: string[] = [];
    const steps = await stepsOf(await tinyTokenizerConfig(), {
      backend,
      listener: (event) => {
        if (event.type === "warning") warnings.push(event.message);
      },
    });
    assert.deepEqual(warnings, []);
    assert.ok(steps.at(-1)!.codebookUsage as number > 0.5);
  });
});

Deno.test("no tensor is left over after training a tokenizer", async () => {
  await withFolder(async (_, backend) => {
    const config = await tinyTokenizerConfig(["schedule.steps=3", "microBatchSize=4"]);
    await trainTokenizer(config, { backend });
    const before = backend.memory().tensors;
    await trainTokenizer(config, { backend });
    assert.equal(backend.memory().tensors, before);
  });
});

Deno.test("a teacher without weights is a mistake with a way out", async () => {
  await withFolder(async (_, backend) => {
    const config = await tinyTokenizerConfig(["teacher.name=clip"]);
    await assert.rejects(trainTokenizer(config, { backend }), (error: Error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /teacher\.checkpoint/);
      return true;
    });
  });
});
