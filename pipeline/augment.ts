/**
 * Files → decoded views, randomly cropped, flipped and jittered.
 *
 * @module
 */

import type { BatchMaker } from "../data/loader/batch_maker.ts";
import type { SampleFile } from "../data/loader/sample_file.ts";
import type { AugmentedBatch, FileBatch, ImageFile } from "./batch.ts";
import type { HostStage } from "./stage.ts";

function sampleFile({ bytes, error, ...known }: ImageFile): SampleFile {
  return { path: known.id, ...known, from: error === undefined ? bytes : { error } };
}

/** The stage `augment`, which works in the maker's data workers. */
export function augment(
  maker: BatchMaker,
): HostStage<FileBatch, AugmentedBatch> & { readonly name: "augment" } {
  return {
    name: "augment",
    run({ epoch, files, replacement }) {
      // The batch's other files in turn if the stage before knows of no others.
      const other = (slot: number, attempt: number) =>
        attempt < files.length ? files[(slot + attempt) % files.length] : null;
      return maker.make(epoch, files.length, async (slot, attempt) => {
        const file = attempt === 0 ? files[slot] : await (replacement ?? other)(slot, attempt);
        return file === null ? null : sampleFile(file);
      });
    },
  };
}
