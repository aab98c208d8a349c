import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Study } from "../../../configs/study.ts";
import {
  runStudy,
  type StudyOptions,
  studyState,
  writeResults,
} from "../../../bench/study/run_study.ts";
import { studyPage } from "../../../bench/study/study_page.ts";
import { writeTinyData } from "../../tasks/_tiny_model.ts";
import { tinyStudy, tinyTokenizers } from "./_tiny_study.ts";

/** Runs a study; gives the parts that were computed and what it ended with. */
async function partsRun(study: Study, options: StudyOptions) {
  const ran: string[] = [];
  const result = await runStudy(study, {
    ...options,
    listener(event) {
      if (event.type === "part") ran.push(event.part.id);
      options.listener?.(event);
    },
  });
  return { ran, result };
}

async function withTempFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mimic-study-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a study runs every part once, and only what is missing when it is called again", async () => {
  await withTempFolder(async (folder) => {
    const study = tinyStudy();
    const results = `${folder}/page/results.json`;
    const sources = new Map([["pictures", writeTinyData(folder)]]);
    const options = { sources, directory: `${folder}/runs`, results };

    const { ran, result } = await partsRun(study, options);
    assert.deepEqual(ran, [
      "pictures/tokenizer",
      "pictures/vqkd/seed-0/pretrain",
      "pictures/vqkd/seed-0/finetune-50pct-8",
      "pictures/vqkd/seed-0/finetune-50pct-16",
      "pictures/scratch/seed-0/finetune-50pct-8",
      "pictures/scratch/seed-0/finetune-50pct-16",
      "pictures/pixels/seed-0/pretrain",
      "pictures/pixels/seed-0/finetune-50pct-8",
      "pictures/pixels/seed-0/finetune-50pct-16",
      "pictures/vqkd/seed-0/features",
      "pictures/pixels/seed-0/features",
      "pictures/scratch/seed-0/features",
    ]);
    assert.equal(result.interrupted, false);
    assert.equal(result.results.size, ran.length);
    for (const { kind, figures, features, cost } of result.results.values()) {
      if (kind === "features") assert.deepEqual(features!.map(({ labels }) => labels), [0.5, 1]);
      else assert.ok(Number.isFinite(figures!.loss) && cost! > 0);
    }
    assert.deepEqual((await partsRun(study, options)).ran, []);

    // Two results and a run directory are lost: only what they are needed for is made again.
    const [tuned, pretrained] = ["finetune-50pct-16", "pretrain"]
      .map((name) => `pictures/vqkd/seed-0/${name}`);
    await Deno.remove(`${folder}/runs/${tuned}.json`);
    await Deno.remove(`${folder}/runs/${tuned}`, { recursive: true });
    await Deno.remove(`${folder}/runs/${pretrained}`, { recursive: true });
    const again = await partsRun(study, options);
    assert.deepEqual(again.ran, [pretrained, tuned]);
    assert.deepEqual(again.result.results.get(tuned), result.results.get(tuned));

    // On another machine, the file of results is enough; with other images it means nothing.
    writeResults(results, study, "command", result);
    const elsewhere = { ...options, directory: `${folder}/elsewhere` };
    assert.deepEqual((await partsRun(study, elsewhere)).ran, []);
    const others = writeTinyData(`${folder}/others`, { train: 10, val: 6 });
    const state = await studyState(study, {
      ...elsewhere,
      sources: new Map([["pictures", others]]),
    });
    assert.equal(state.results.size, 0);

    const page = studyPage({
      study,
      state: result,
      command: "x",
      config: "tiny.jsonc",
      folder: "page",
      notes: "Noted.",
    });
    for (const text of ["Noted.", "## Pictures", "| from scratch |", "All parts of the study"]) {
      assert.ok(page.markdown.includes(text), `${text}\n${page.markdown}`);
    }
    assert.ok(!page.markdown.includes("Others"), page.markdown);
    assert.deepEqual([...page.pictures.keys()], [
      "pictures-budgets-50.svg",
      "pictures-compute-50.svg",
    ]);
  });
});

Deno.test("an arm has its own tokenizer, and is left out without its teacher's file", async () => {
  await withTempFolder(async (folder) => {
    const model = fileURLToPath(new URL("../../fixtures/onnx/cnn.onnx", import.meta.url));
    const arms = {
      means: { title: "means", tokenizer: "means", pretrain: {}, pretrainBudget: 1, finetune: {} },
      taught: {
        title: "taught",
        setup: "own",
        tokenizer: "taught",
        pretrain: {},
        pretrainBudget: 1,
        finetune: {},
      },
    };
    const study = tinyStudy({
      arms,
      setups: { own: { title: "a setup of its own", model: {}, pretrain: {}, finetune: {} } },
      teachers: {
        cnn: {
          title: "a network",
          source: null,
          multiplyAdds: 1000,
          settings: { "teacher.name": "onnx", "teacher.onnx.runtime": "wasm" },
        },
      },
      tokenizers: {
        ...tinyTokenizers,
        taught: {
          title: "of a network",
          teacher: "cnn",
          settings: { method: "kMeans", "kMeans.tokensPerCode": 4 },
        },
      },
      comparisons: [{ dataset: "pictures", arms: ["means", "taught"], labels: 1, passes: [8] }],
    });
    const options = {
      sources: new Map([["pictures", writeTinyData(folder)]]),
      directory: `${folder}/runs`,
      results: `${folder}/results.json`,
    };
    const parts = (arm: string) => [
      `pictures/tokenizer-${arm}`,
      `pictures/${arm}/seed-0/pretrain`,
      `pictures/${arm}/seed-0/finetune-100pct-8`,
    ];
    const first = await partsRun(study, options);
    assert.deepEqual(first.ran, [...parts("means"), "pictures/means/seed-0/features"]);
    const teachers = new Map([["cnn", model]]);
    const { ran, result } = await partsRun(study, { ...options, teachers });
    const teacher = "pictures/tokenizer-teacher-cnn";
    assert.deepEqual(ran, [...parts("taught"), "pictures/taught/seed-0/features", teacher]);
    const cost = (id: string) => result.results.get(id)!.cost!;
    const [means, taught] = [parts("means"), parts("taught")];
    // 16 codes × 4 patches, of which an image has 16; and eight images in pretraining.
    assert.equal(cost(taught[0]) - cost(means[0]), 4 * 1000);
    assert.equal(cost(taught[1]) - cost(means[1]), 8 * 1000);
    const page = studyPage({
      ...{ study, state: result, command: "x", config: "tiny.jsonc", folder: "page", notes: null },
    });
    assert.match(
      page.markdown,
      /Tokenizer “of a network”, shared by all seeds: [\d.]+ % of the codes/,
    );
    const [plain, second] = page.markdown.split("## Pictures, a setup of its own");
    assert.ok(plain.includes("| means ") && !plain.includes("| taught "), page.markdown);
    assert.ok(second.includes("| taught ") && !second.includes("| means "), page.markdown);
    const { knn } = result.results.get(teacher)!.features!.at(-1)!;
    const row = new RegExp(
      `\\| the teacher itself, a network +\\|.* ${(100 * knn).toFixed(1)} \\|`,
    );
    assert.match(page.markdown, row);
    // A file moved elsewhere is the same teacher; another one makes another tokenizer.
    const moved = `${folder}/moved.onnx`;
    Deno.copyFileSync(model, moved);
    const there = { ...options, teachers: new Map([["cnn", moved]]) };
    assert.equal((await studyState(study, there)).results.size, 9);
    Deno.writeFileSync(moved, new Uint8Array([0]), { append: true });
    assert.equal((await studyState(study, there)).results.size, 4);
  });
});

Deno.test("an interrupted study says so, and two processes share the parts", async () => {
  await withTempFolder(async (folder) => {
    const study = tinyStudy({
      comparisons: [{ dataset: "pictures", arms: ["scratch", "pixels"], labels: 1, passes: [16] }],
    });
    const options = {
      sources: new Map([["pictures", writeTinyData(folder)]]),
      directory: `${folder}/runs`,
      results: `${folder}/results.json`,
    };
    const stop = new AbortController();
    const first = await partsRun(study, {
      ...options,
      signal: stop.signal,
      listener(event) {
        if (event.type === "run" && event.event.type === "step") stop.abort();
      },
    });
    assert.equal(first.result.interrupted, true);
    assert.equal(first.ran.at(-1), "pictures/scratch/seed-0/finetune-100pct-16");

    const both = await Promise.all([partsRun(study, options), partsRun(study, options)]);
    const ran = both.flatMap((one) => one.ran).sort();
    assert.deepEqual(ran, [...new Set(ran)], "no part ran twice");
    for (const { result } of both) assert.equal(result.results.size, 5);
  });
});

Deno.test("a study without images, or with unknown names, is refused with the way out", async () => {
  const options = { sources: new Map(), directory: "nowhere", results: "nowhere/results.json" };
  await assert.rejects(runStudy(tinyStudy(), options), /no images .*pictures, elsewhere/);
  const unknown = [{ dataset: "pictures", arms: ["nobody"], labels: 1, passes: [8] }];
  assert.throws(() => tinyStudy({ comparisons: unknown }), /names "nobody"/);
  assert.throws(() => tinyStudy({ seeds: [] }), /seeds/);
});

Deno.test("a study goes on with no run, and takes no result, of other pictures", async () => {
  await withTempFolder(async (folder) => {
    const study = tinyStudy({
      comparisons: [{ dataset: "pictures", arms: ["scratch"], labels: 1, passes: [16] }],
    });
    const data = writeTinyData(folder);
    const options = {
      sources: new Map([["pictures", data]]),
      directory: `${folder}/runs`,
      results: `${folder}/results.json`,
    };
    const id = "pictures/scratch/seed-0/finetune-100pct-16";
    const { result } = await partsRun(study, options);
    writeResults(options.results, study, "command", result);
    assert.equal((await studyState(study, options)).results.size, 2);

    // As many pictures of the same names and classes: bright is dark and dark is bright.
    const swap = (split: string) => {
      Deno.renameSync(`${data}/${split}/bright`, `${data}/${split}/other`);
      Deno.renameSync(`${data}/${split}/dark`, `${data}/${split}/bright`);
      Deno.renameSync(`${data}/${split}/other`, `${data}/${split}/dark`);
    };
    for (const split of ["train", "val"]) swap(split);
    assert.equal((await studyState(study, options)).results.size, 0);
    const refusal =
      /Cannot continue with "pictures\/scratch.*started with other images.*another --out/;
    await assert.rejects(partsRun(study, options), refusal);
    // What version 0.1 wrote has no mark in the directory; the result beside it tells.
    await Deno.remove(`${folder}/runs/${id}/part.json`);
    await assert.rejects(partsRun(study, options), refusal);
    await Deno.remove(`${folder}/runs/${id}`, { recursive: true });
    const { ran, result: after } = await partsRun(study, options);
    assert.ok(ran.includes(id) && after.results.size === 2);
    assert.notDeepEqual(after.results.get(id)!.figures, result.results.get(id)!.figures);
  });
});

Deno.test("the names in a study lead nowhere but into its folder", () => {
  const { pictures } = tinyStudy().datasets;
  for (
    const name of ["../pictures", "../../tasks", "/tmp/x", "a/b", "a\\b", "", "tokenizer", "\u0000"]
  ) {
    const datasets = { pictures, [name]: pictures };
    assert.throws(
      () => tinyStudy({ datasets }),
      /Cannot use the study .*expected a name of letters/,
    );
    const arms = { vqkd: { title: "x", pretrain: {}, pretrainBudget: 1, finetune: {} } };
    const other = { ...arms, [name]: arms.vqkd };
    assert.throws(
      () => tinyStudy({ arms: other }),
      /Cannot use the study .*expected a name of letters/,
    );
  }
});

Deno.test("a study tells how far it has come", async () => {
  await withTempFolder(async (folder) => {
    const study = tinyStudy({
      comparisons: [{ dataset: "pictures", arms: ["scratch"], labels: 1, passes: [16] }],
    });
    const told: string[] = [];
    await runStudy(study, {
      sources: new Map([["pictures", writeTinyData(folder)]]),
      directory: `${folder}/runs`,
      results: `${folder}/results.json`,
      listener(event) {
        if (event.type === "progress") told.push(`${event.what} ${event.done}/${event.total}`);
      },
    });
    assert.deepEqual(told, [
      "Examining the images 0/1",
      "Examining the images 1/1",
      "Parts of the study 0/2",
      "Parts of the study 1/2",
      "Parts of the study 2/2",
    ]);
  });
});
