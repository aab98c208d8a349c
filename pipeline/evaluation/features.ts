/**
 * Features of a set of images with their labels: what k-NN and linear evaluation compare.
 *
 * @module
 */

import { concatBytes } from "../../core/concatenate.ts";
import { type Communicator, gatherJson } from "../../distributed/communicator.ts";

/** Rows of features on the host. */
export interface FeatureSet {
  /** [count, width], row-major. */
  readonly values: Float32Array;
  /** Number of rows: images. */
  readonly count: number;
  /** Numbers in a row. */
  readonly width: number;
  /** Class of each row; −1 if unknown. */
  readonly labels: Int32Array;
  /** Where each row's image came from; empty if that was not collected. */
  readonly ids?: readonly string[];
}

/** What one batch adds to a set. */
interface Part {
  /** Position of its first row in the set. */
  readonly position: number;
  readonly values: Float32Array;
  readonly labels: Int32Array;
  readonly ids: readonly string[];
}

/** Joins the features of batches into one set. */
export class FeatureCollector {
  #parts: Part[] = [];

  /**
   * Adds rows: `values` [B, C] with one label each.
   *
   * @param position of the first of them in the set; if omitted, they follow the previous ones
   */
  add(
    values: Float32Array,
    labels: Int32Array,
    ids: readonly string[] = [],
    position = Infinity,
  ): void {
    this.#parts.push({ position, values, labels, ids });
  }

  /** Gathers what all ranks have; all must call it. */
  async gather(communicator: Communicator): Promise<void> {
    const heads = await gatherJson(
      communicator,
      this.#parts.map(({ position, labels, ids }) => ({ position, labels: [...labels], ids })),
    );
    const own = concatBytes(this.#parts.map(({ values }) => bytesOf(values)));
    const all = await communicator.gather(own);
    this.#parts = heads.flatMap((parts, rank) => {
      const values = new Float32Array(all[rank].buffer);
      const rows = parts.reduce((sum, { labels }) => sum + labels.length, 0);
      const width = rows === 0 ? 0 : values.length / rows;
      let start = 0;
      return parts.map(({ position, labels, ids }) => {
        const end = start + labels.length * width;
        const part = { position, values: values.subarray(start, end), ids };
        start = end;
        return { ...part, labels: Int32Array.from(labels) };
      });
    }).sort((a, b) => a.position - b.position);
  }

  finish(): FeatureSet {
    const count = this.#parts.reduce((sum, { labels }) => sum + labels.length, 0);
    const total = this.#parts.reduce((sum, { values }) => sum + values.length, 0);
    const values = new Float32Array(total);
    const labels = new Int32Array(count);
    let [valueOffset, labelOffset] = [0, 0];
    for (const part of this.#parts) {
      values.set(part.values, valueOffset);
      labels.set(part.labels, labelOffset);
      valueOffset += part.values.length;
      labelOffset += part.labels.length;
    }
    const ids = this.#parts.flatMap(({ ids }) => ids);
    return { values, count, width: count === 0 ? 0 : total / count, labels, ids };
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
