import assert from "node:assert/strict";
import { MODEL_CARDS } from "../../../checkpoints/hub/cards.ts";
import { CONVERT_TARGETS } from "../../../checkpoints/convert_writers.ts";
import { CONVERT_DTYPES } from "../../../checkpoints/tensors/convert_dtype.ts";
import { convert } from "../../../cli/commands/convert.ts";
import { runTask } from "../_tasks.ts";
import { withFolder, writeModel } from "./_models.ts";

Deno.test("convert takes all targets and types of the library", () => {
  assert.deepEqual(convert.flags.to.choices, CONVERT_TARGETS);
  assert.deepEqual(convert.flags.dtype.choices, CONVERT_DTYPES);
});

Deno.test("convert says what became of the tensors", async () => {
  await withFolder(async (folder) => {
    const [model, timm] = [`${folder}/model.safetensors`, `${folder}/timm`];
    await writeModel(model, "pretrain", ["blocks.0.norm1.bias", "blocks.1.norm1.bias"]);
    const words = [model, timm, "--to", "timm"];
    const refused = await runTask("convert", words);
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /"blocks\.0\.norm1\.bias" and 1 more missing; .*--allow-missing\n$/,
    );
    assert.throws(() => Deno.statSync(timm), Deno.errors.NotFound);
    const { code, stdout, stderr } = await runTask("convert", [...words, "--allow-missing"]);
    assert.equal(stderr, "");
    assert.equal(code, 0);
    assert.match(stdout, /^unilm pretrain to timm: \d+ tensors\n/);
    assert.match(stdout, /^missing \(2\):\n {2}blocks\.\*\.norm1\.bias ×2$/m);
    assert.match(stdout, /^put aside \(\d+\):\n[\s\S]*lm_head\.weight$/m);
    assert.match(stdout, /^written \(3\):\n[\s\S]*config\.json$/m);
    const back = [timm, `${folder}/back.pth`, "--to", "unilm", "--json", "--allow-missing"];
    const report = JSON.parse((await runTask("convert", back)).stdout);
    assert.equal(report.from, "timm");
    assert.equal(report.kind, "pretrain");
    assert.deepEqual(report.missing, ["blocks.0.norm1.bias", "blocks.1.norm1.bias"]);
    assert.deepEqual(report.aside, []);
    const again = [`${folder}/back.pth`, `${folder}/again.safetensors`, "--to", "safetensors"];
    again.push("--allow-missing");
    const { stdout: dropped } = await runTask("convert", again);
    assert.match(dropped, /^dropped, computed from the window size \(1\):$/m);
  });
});

Deno.test("convert's mistakes are one line with exit code 2", async () => {
  await withFolder(async (folder) => {
    const model = `${folder}/model.safetensors`;
    await writeModel(model, "pretrain");
    const mistakes: [words: string[], wanted: RegExp][] = [
      [[model, `${folder}/x`], /--to is missing; give --to and one of timm/],
      [[model, `${folder}/x`, "--to", "keras"], /keras/],
      [[model, `${folder}/x`, "--to", "timm", "--part", "tokenizer"], /it holds no tokenizer/],
      [[`${folder}/none.pth`, `${folder}/x`, "--to", "timm"], /there is no such file or model/],
      [["vqkd_encoder", `${folder}/x`, "--to", "unilm", "--offline"], /--offline is set/],
    ];
    for (const [words, wanted] of mistakes) {
      const { code, stdout, stderr } = await runTask("convert", words, { MIMIC_CACHE: folder });
      assert.equal(code, 2, words.join(" "));
      assert.equal(stdout, "");
      assert.match(stderr, /^error: [^\n]+\n$/);
      assert.match(stderr, wanted);
    }
  });
});

Deno.test("docs/checkpoints.md has every target and every card with its licence and digest", () => {
  const page = Deno.readTextFileSync(new URL("../../../docs/checkpoints.md", import.meta.url));
  for (const target of CONVERT_TARGETS) assert.ok(page.includes(`| \`${target}\``), target);
  for (const { name, licence, sha256 } of MODEL_CARDS) {
    const row = page.split("\n").find((line) => line.startsWith(`| \`${name}\` `));
    assert.ok(row, name);
    assert.ok(row.includes(` ${licence} `), name);
    assert.ok(row.includes(sha256 === null ? " not known " : `\`${sha256}…\``), name);
  }
});
