// Both gradients of a linear layer and that of its bias, from dz [rows, outputs]:
//   dweight = dzᵀ·x, dbias = Σ dz over rows (the workgroups with group.y < weightTiles)
//   dx = dz·weight                          (the others)
// x and dx begin at row firstRow. ACCUMULATE adds to dweight and dbias.
// ROUND_DZ, ROUND_X, ROUND_WEIGHT: round what is stored as float32 to float16.

@compute @workgroup_size(THREADS_N, THREADS_M)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let isWeight = group.y < uniforms.weightTiles;
  let firstM = select(group.y - uniforms.weightTiles, group.y, isWeight) * TILE_M;
  let firstN = group.x * TILE_N;
  let height = select(uniforms.rows, uniforms.outputs, isWeight);
  let depth = select(uniforms.outputs, uniforms.rows, isWeight);
  let sumsBias = HAS_BIAS && isWeight && group.x == 0u && thread < QUADS_M;
  var sums: Sums;
  var bias = vec4f(0.0);
  for (var firstK = 0u; firstK < depth; firstK += K_TILE) {
    fillA(isWeight, firstM, firstK, thread);
    fillB(isWeight, firstN, firstK, thread);
    workgroupBarrier();
    multiplyTiles(&sums, local);
    if (sumsBias) {
      for (var k = 0u; k < K_TILE; k++) { bias += tileA[k * QUADS_M + thread]; }
    }
    workgroupBarrier();
  }
  if (sumsBias && firstM + thread * 4u < uniforms.outputs) {
    let output = firstM + thread * 4u;
    if (ACCUMULATE) { bias += loadDbias(0u, output, uniforms.outputs); }
    storeDbias(0u, output, uniforms.outputs, bias);
  }
  @unroll for (var i = 0u; i < MICRO_M; i++) {
    let m = firstM + rowInTile(i, local);
    @unroll for (var j = 0u; j < MICRO_QUADS_N; j++) {
      let n = firstN + columnInTile(j, local);
      if (m < height && n < uniforms.inputs) { finish(isWeight, m, n, sums[i][j]); }
    }
  }
}

fn finish(isWeight: bool, m: u32, n: u32, sum: vec4f) {
  if (isWeight) {
    var value = sum;
    if (ACCUMULATE) { value += loadDweight(m * uniforms.inputs, n, uniforms.inputs); }
    storeDweight(m * uniforms.inputs, n, uniforms.inputs, value);
  } else {
    storeDx((uniforms.firstRow + m) * uniforms.inputs, n, uniforms.inputs, sum);
  }
}

fn readDz(row: u32, output: u32) -> vec4f {
  if (row >= uniforms.rows || output >= uniforms.outputs) { return vec4f(0.0); }
  let quad = loadDz(row * uniforms.outputs, output, uniforms.outputs);
  if (ROUND_DZ) { return toHalf(quad); }
  return quad;
}

fn fillA(isWeight: bool, firstM: u32, firstK: u32, thread: u32) {
  for (var block = thread; block < QUADS_K * QUADS_M; block += THREADS) {
    if (isWeight) {
      let output = firstM + (block % QUADS_M) * 4u;
      @unroll for (var j = 0u; j < 4; j++) {
        let k = block / QUADS_M + j * QUADS_K;
        tileA[k * QUADS_M + block % QUADS_M] = readDz(firstK + k, output);
      }
    } else {
      let output = firstK + (block % QUADS_K) * 4u;
      let row = firstM + (block / QUADS_K) * 4u;
      let turned = transpose(mat4x4f(
        readDz(row, output),
        readDz(row + 1u, output),
        readDz(row + 2u, output),
        readDz(row + 3u, output),
      ));
      let first = (block % QUADS_K) * 4u * QUADS_M + block / QUADS_K;
      @unroll for (var j = 0u; j < 4; j++) { tileA[first + j * QUADS_M] = turned[j]; }
    }
  }
}

fn fillB(isWeight: bool, firstN: u32, firstK: u32, thread: u32) {
  for (var block = thread; block < QUADS_K * QUADS_N; block += THREADS) {
    let input = firstN + (block % QUADS_N) * 4u;
    @unroll for (var j = 0u; j < 4; j++) {
      let k = block / QUADS_N + j * QUADS_K;
      tileB[k * QUADS_N + block % QUADS_N] = readB(isWeight, firstK + k, input);
    }
  }
}

fn readB(isWeight: bool, k: u32, input: u32) -> vec4f {
  var quad = vec4f(0.0);
  if (input >= uniforms.inputs) { return quad; }
  if (isWeight) {
    if (k < uniforms.rows) {
      quad = loadX((uniforms.firstRow + k) * uniforms.inputs, input, uniforms.inputs);
    }
    if (ROUND_X) { quad = toHalf(quad); }
  } else {
    if (k < uniforms.outputs) { quad = loadWeight(k * uniforms.inputs, input, uniforms.inputs); }
    if (ROUND_WEIGHT) { quad = toHalf(quad); }
  }
  return quad;
}
