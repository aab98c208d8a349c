import assert from "node:assert/strict";
import { codeStatistics } from "../../../../backends/ops/code_statistics.ts";
import { emaCodebookUpdate } from "../../../../backends/ops/ema_codebook_update.ts";
import { Parameter } from "../../../../backends/parameter.ts";
import { tf } from "../../../../deps/tfjs.ts";
import { webgpuTest } from "../_backend.ts";

webgpuTest(
  "a codebook may have more codes than a dispatch has workgroups in a row",
  async (backend) => {
    const on = { backend, precision: "float32" } as const;
    const [codes, width] = [70_003, 4];
    const angle = (code: number) => 2 * Math.PI * code / codes;
    const vectors = Array.from({ length: codes }, (_, code) => [
      Math.cos(angle(code)),
      Math.sin(angle(code)),
      ...[0, 0],
    ]);
    const wanted = [0, 65_534, 65_535, 65_536, codes - 1];
    // A pull towards the third axis, seen twice by one code.
    const rows = [...wanted, 65_536].map((code) => [...vectors[code].slice(0, 2), 1, 0]);
    const [codebook, clusterSize] = backend.run(() => [
      new Parameter("codebook", tf.keep(tf.tensor2d(vectors.flat(), [codes, width]))),
      new Parameter("clusterSize", tf.keep(tf.zeros([codes]))),
    ]);
    const statistics = backend.run(() => {
      const ids = tf.tensor1d([...wanted, 65_536], "int32");
      return codeStatistics(on, tf.tensor2d(rows.flat(), [rows.length, width]), ids, codes);
    });
    const counts = await statistics.counts.data() as Float32Array;
    assert.deepEqual(wanted.map((code) => counts[code]), [1, 1, 1, 2, 1]);
    assert.equal(counts.reduce((sum, count) => sum + count, 0), rows.length);
    backend.run(() => emaCodebookUpdate(on, codebook, clusterSize, statistics, 0.5));
    const [moved, sizes] = await Promise.all([codebook.value.data(), clusterSize.value.data()]);
    const third = Array.from({ length: codes }, (_, code) => moved[code * width + 2]);
    const hit = third.flatMap((value, code) => value > 0.1 ? [code] : []);
    assert.deepEqual(hit, wanted);
    assert.deepEqual([sizes[65_536], sizes[65_537]], [1, 0]);
  },
);
