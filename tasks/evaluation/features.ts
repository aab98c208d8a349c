/**
 * Features of a set of images with their labels: what k-NN and linear evaluation compare.
 *
 * @module
 */

/** Rows of features on the host. */
export interface FeatureSet {
  /** [count, width], row-major. */
  readonly values: Float32Array;
  readonly count: number;
  readonly width: number;
  /** Class of each row; −1 where unknown. */
  readonly labels: Int32Array;
  /** Where each row's image came from; empty where that was not collected. */
  readonly ids?: readonly string[];
}

/** Joins the features of batches into one set. */
export class FeatureCollector {
  readonly #values: Float32Array[] = [];
  readonly #labels: Int32Array[] = [];
  readonly #ids: string[] = [];

  /** Adds rows: `values` [B, C] with one label each. */
  add(values: Float32Array, labels: Int32Array, ids: readonly string[] = []): void {
    this.#values.push(values);
    this.#labels.push(labels);
    this.#ids.push(...ids);
  }

  finish(): FeatureSet {
    const count = this.#labels.reduce((sum, part) => sum + part.length, 0);
    const total = this.#values.reduce((sum, part) => sum + part.length, 0);
    const values = new Float32Array(total);
    const labels = new Int32Array(count);
    let [valueOffset, labelOffset] = [0, 0];
    for (const [index, part] of this.#values.entries()) {
      values.set(part, valueOffset);
      labels.set(this.#labels[index], labelOffset);
      valueOffset += part.length;
      labelOffset += this.#labels[index].length;
    }
    return { values, count, width: count === 0 ? 0 : total / count, labels, ids: this.#ids };
  }
}
