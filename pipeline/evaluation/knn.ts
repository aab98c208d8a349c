/**
 * k-nearest-neighbour classification of frozen features, as in mmselfsup's
 * `tools/benchmarks/…/knn`: cosine similarity, votes weighted by exp(similarity / temperature).
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import { communicatorOf, type Context } from "../../backends/backend.ts";
import { linear } from "../../backends/ops/linear.ts";
import { rankShare } from "../../data/loader/sampler.ts";
import { countOverRanks } from "../../distributed/reduce_values.ts";
import type { FeatureSet } from "./features.ts";

/** Options of {@link knnAccuracy}. */
export interface KnnOptions {
  /** Neighbours that vote (default 20). */
  readonly neighbours?: number;
  /** Similarity is divided by this before the exponential (default 0.07). */
  readonly temperature?: number;
  /** Called with the number of test rows classified. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Shares of test rows whose class comes first, or among the first five, in the vote. */
export interface Accuracy {
  /** Share of rows whose class comes first, in [0, 1]. */
  readonly top1: number;
  /** Share of rows whose class is among the first five, in [0, 1]. */
  readonly top5: number;
}

const rowsAtOnce = 256;

/** Training rows per tensor: a bank the size of ImageNet would exceed a GPU's buffer limits. */
const bankRowsAtOnce = 65_536;

/**
 * Classifies `test` by the neighbours of each row in `train`.
 *
 * @param classes number of classes; labels are 0 … classes − 1
 */
export async function knnAccuracy(
  on: Context,
  train: FeatureSet,
  test: FeatureSet,
  classes: number,
  options: KnnOptions = {},
): Promise<Accuracy> {
  const { neighbours = 20, temperature = 0.07, onProgress } = options;
  const [accuracy] = await knnAccuracies(
    on,
    train,
    test,
    classes,
    [neighbours],
    temperature,
    onProgress,
  );
  return accuracy;
}

/**
 * {@link knnAccuracy} for several numbers of neighbours at the cost of one. With several ranks, which all have
 * the same sets, each classifies a share of `test`.
 *
 * @param neighbours numbers of neighbours that vote
 * @returns an accuracy for each of them, in order
 */
export async function knnAccuracies(
  on: Context,
  train: FeatureSet,
  test: FeatureSet,
  classes: number,
  neighbours: readonly number[],
  temperature = 0.07,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Accuracy[]> {
  const counts = neighbours.map((wanted) => Math.min(wanted, train.count));
  const bank = uploadBank(on, train);
  const testRows = normalizeRows(test);
  const [first, firstFive] = [counts.map(() => 0), counts.map(() => 0)];
  const communicator = communicatorOf(on);
  const [from, to] = rankShare(test.count, communicator.rank, communicator.size);
  for (let start = from; start < to; start += rowsAtOnce) {
    const rows = Math.min(rowsAtOnce, to - start);
    const chunk = testRows.subarray(start * test.width, (start + rows) * test.width);
    const nearest = await nearestInBank(on, bank, chunk, rows, Math.max(...counts));
    for (const [row, found] of nearest.entries()) {
      for (const [index, k] of counts.entries()) {
        const votes = vote(found, train.labels, { k, temperature, classes });
        const rank = rankOf(votes, test.labels[start + row]);
        if (rank < 1) first[index]++;
        // Fewer than five neighbours give fewer than five classes, as in the reference.
        if (rank < Math.min(5, k)) firstFive[index]++;
      }
    }
    onProgress(start + rows - from, to - from);
  }
  tf.dispose(bank);
  const own = [Int32Array.from(first), Int32Array.from(firstFive)];
  const [allFirst, allFive] = await countOverRanks(communicator, own);
  return counts.map((_, index) => ({
    top1: allFirst[index] / test.count,
    top5: allFive[index] / test.count,
  }));
}

function normalizeRows(set: FeatureSet): Float32Array {
  const rows = new Float32Array(set.values.length);
  for (let row = 0; row < set.count; row++) {
    const offset = row * set.width;
    let sum = 0;
    for (let i = 0; i < set.width; i++) sum += set.values[offset + i] ** 2;
    const scale = 1 / Math.max(Math.sqrt(sum), 1e-12);
    for (let i = 0; i < set.width; i++) rows[offset + i] = set.values[offset + i] * scale;
  }
  return rows;
}

/** Rows of the bank with their similarity, most similar first. */
interface Neighbours {
  readonly similarity: Float64Array;
  readonly rows: Int32Array;
}

/** The normalised rows to compare with, in tensors small enough for a device. */
function uploadBank(on: Context, train: FeatureSet): Tensor[] {
  const values = normalizeRows(train);
  const bank: Tensor[] = [];
  for (let start = 0; start < train.count; start += bankRowsAtOnce) {
    const rows = Math.min(bankRowsAtOnce, train.count - start);
    const part = values.subarray(start * train.width, (start + rows) * train.width);
    bank.push(on.backend.run(() => tf.tensor2d(part, [rows, train.width])));
  }
  return bank;
}

/** The k most similar rows of a bank for each of `rows` test rows. */
async function nearestInBank(
  on: Context,
  bank: readonly Tensor[],
  test: Float32Array,
  rows: number,
  k: number,
): Promise<Neighbours[]> {
  const exact: Context = { ...on, precision: "float32" };
  const nearest = Array.from({ length: rows }, () => ({
    similarity: new Float64Array(k).fill(-Infinity),
    rows: new Int32Array(k).fill(-1),
  }));
  let offset = 0;
  for (const part of bank) {
    const similarity = on.backend.run(() =>
      tf.tidy(() => linear(exact, tf.tensor2d(test, [rows, test.length / rows]), part, null))
    );
    const values = await similarity.data() as Float32Array;
    similarity.dispose();
    const width = part.shape[0];
    for (const [row, neighbours] of nearest.entries()) {
      insert(neighbours, values.subarray(row * width, (row + 1) * width), offset);
    }
    offset += width;
  }
  return nearest;
}

/** Merges rows into the nearest so far, in descending order; k is small compared with the bank. */
function insert({ similarity, rows }: Neighbours, values: Float32Array, offset: number): void {
  const k = rows.length;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!(value > similarity[k - 1])) continue;
    let at = k - 1;
    while (at > 0 && similarity[at - 1] < value) {
      similarity[at] = similarity[at - 1];
      rows[at] = rows[at - 1];
      at--;
    }
    similarity[at] = value;
    rows[at] = offset + i;
  }
}

/** The votes that the first k neighbours give each class. */
function vote(
  { similarity, rows }: Neighbours,
  labels: Int32Array,
  { k, temperature, classes }: { k: number; temperature: number; classes: number },
): Float64Array {
  const votes = new Float64Array(classes);
  for (let i = 0; i < k; i++) {
    if (rows[i] >= 0) votes[labels[rows[i]]] += Math.exp(similarity[i] / temperature);
  }
  return votes;
}

/** How many classes got more votes than `label`; ties go to the lower class. */
function rankOf(votes: Float64Array, label: number): number {
  let rank = 0;
  for (let other = 0; other < votes.length; other++) {
    if (votes[other] > votes[label] || (votes[other] === votes[label] && other < label)) rank++;
  }
  return rank;
}
