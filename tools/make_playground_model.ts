/**
 * Writes the model that the playground starts with: the encoder of a run with the head that predicts codes, in
 * float16, without the aggregation branch, which only training needs.
 *
 *     deno task pretrain --out runs/quickstart
 *     deno run -A tools/make_playground_model.ts runs/quickstart
 *
 * @module
 */

import { fileNotes } from "../checkpoints/file_notes.ts";
import { openModel } from "../checkpoints/open_model.ts";
import { writeSafetensors } from "../checkpoints/safetensors/safetensors_writer.ts";
import { convertDType } from "../checkpoints/tensors/convert_dtype.ts";
import { tokenizerNameOf } from "../methods/vqkd/load_tokenizer.ts";
import { hubPreprocessing, runConfig } from "../pipeline/images/preparation.ts";

const target = new URL("../playground/assets/beit_quickstart.safetensors", import.meta.url);

if (import.meta.main) {
  const [run] = Deno.args;
  if (run === undefined) {
    console.error("Needs a run: tools/make_playground_model.ts RUN");
    Deno.exit(2);
  }
  const { tensors, shape, close } = await openModel(run);
  const { headLayers: _, earlyLayers: __, ...encoder } = shape;
  const kept = new Map([...tensors].filter(([name]) => !name.startsWith("cls_pt_")));
  const preprocessing = hubPreprocessing(run);
  const tokenizer = tokenizerNameOf(runConfig(run));
  await writeSafetensors(target.pathname, convertDType(kept, "float16"), {
    format: "pt",
    ...fileNotes({ shape: encoder, preprocessing, tokenizer }),
  });
  close();
  const { size } = await Deno.stat(target);
  console.log(`Wrote ${target.pathname}, ${(size / 1e6).toFixed(1)} MB`);
}
