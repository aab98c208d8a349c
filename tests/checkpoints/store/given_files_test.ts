import assert from "node:assert/strict";
import { modelOfFiles, openModel } from "../../../checkpoints/open_model.ts";
import { type GivenFile, openGivenFiles } from "../../../checkpoints/store/given_files.ts";
import { preparationOf, preparationOfConfig } from "../../../pipeline/images/preparation.ts";

const fixtures = new URL("../../fixtures/", import.meta.url).pathname;

/** All files of a folder, as a browser gives them: with the folder's name at the front. */
function given(folder: string, name = folder.slice(folder.lastIndexOf("/") + 1)): GivenFile[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) return given(path, `${name}/${entry.name}`);
    return [{ path: `${name}/${entry.name}`, content: new Blob([Deno.readFileSync(path)]) }];
  });
}

for (
  const folder of [
    "compat/0.1.0/runs/pretrain",
    "compat/0.1.0/runs/tokenizer",
    "compat/0.1.0/runs/finetune",
    "models/hf_vit",
    "models/timm_clip",
  ]
) {
  Deno.test(`${folder}: handed over, it is what it is by its path`, async () => {
    const { files, run } = await openGivenFiles(given(fixtures + folder));
    const [ours, theirs] = [modelOfFiles(files), await openModel(fixtures + folder)];
    try {
      assert.deepEqual(ours.shape, theirs.shape);
      assert.equal(ours.kind, theirs.kind);
      assert.equal(ours.format, theirs.format);
      assert.deepEqual(ours.preprocessing, theirs.preprocessing);
      assert.deepEqual(ours.report, theirs.report);
      const [name] = ours.tensors.keys();
      assert.deepEqual(
        await ours.tensors.get(name)!.read(),
        await theirs.tensors.get(name)!.read(),
      );
      if (folder.startsWith("compat")) {
        assert.deepEqual(preparationOfConfig(run), preparationOf(fixtures + folder));
      } else {
        assert.equal(run, undefined);
      }
    } finally {
      theirs.close();
    }
  });
}

Deno.test("without weights, with several, or with a broken file it says so in a line", async () => {
  const file = (path: string) => ({ path, content: new Blob([new Uint8Array(3)]) });
  await assert.rejects(
    openGivenFiles([file("a.txt")]),
    /Cannot load a model from "a.txt": expected a safetensors or .pth file, .* found no weights$/,
  );
  await assert.rejects(
    openGivenFiles([file("x/a.pth"), file("x/b.pth")]),
    /from 2 files: .* found 2 files of weights, none of them called model.safetensors or/,
  );
  await assert.rejects(openGivenFiles([file("a.safetensors")]), /"a.safetensors"/);
});
