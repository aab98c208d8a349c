import assert from "node:assert/strict";
import { rankMe, rankMeOfSome, spreadIndices } from "../../../pipeline/evaluation/rank_me.ts";

/** Numbers from a linear congruential generator, whose column c is scaled by decay ** c. */
function decaying(count: number, width: number, decay: number) {
  let state = 1;
  const values = Float32Array.from({ length: count * width }, (_, at) => {
    state = Number((BigInt(state) * 1103515245n + 12345n) % 2147483648n);
    return Math.fround(state / 2 ** 31 - 0.5) * decay ** (at % width);
  });
  return { values, count, width, labels: new Int32Array(count) };
}

Deno.test("rankMe() equals the paper's equation by NumPy's SVD", () => {
  // s = np.linalg.svd(z, compute_uv=False); p = s / s.sum() + 1e-7; np.exp(-(p * np.log(p)).sum())
  const cases = [
    [50, 12, 0.7, 6.868436892421501],
    [9, 20, 0.9, 7.969787786015288],
    [300, 64, 0.95, 43.524022840176976],
  ] as const;
  for (const [count, width, decay, wanted] of cases) {
    const found = rankMe(decaying(count, width, decay));
    assert.ok(Math.abs(found / wanted - 1) < 1e-6, `${found}, not ${wanted}`);
  }
});

Deno.test("rankMe() of collapsed and of broken features", () => {
  const same = { values: new Float32Array(40).fill(0.3), count: 10, width: 4 };
  assert.ok(Math.abs(rankMe(same) - 1) < 1e-4, "all images alike");
  assert.equal(rankMe({ ...same, values: new Float32Array(40) }), 1);
  assert.ok(Number.isNaN(rankMe({ ...same, values: new Float32Array(40).fill(NaN) })));
  assert.ok(Number.isNaN(rankMe({ values: new Float32Array(0), count: 0, width: 0 })));
});

Deno.test("rankMeOfSome() spreads its rows over all images", () => {
  assert.deepEqual(spreadIndices(10, 4), [0, 2, 5, 7]);
  assert.deepEqual(spreadIndices(3, 4), [0, 1, 2]);
  const set = decaying(50, 12, 0.7);
  assert.equal(rankMeOfSome(set), rankMe(set));
  const half = spreadIndices(50, 25);
  const values = Float32Array.from(
    half.flatMap((row) => [...set.values.subarray(row * 12, row * 12 + 12)]),
  );
  assert.equal(rankMeOfSome(set, 25), rankMe({ values, count: 25, width: 12 }));
});
