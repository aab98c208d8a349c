// c = epilogue(a·bᵀ), a [≥ rows, depth] from row firstRow on and b [columns, depth]: a tile of c for
// each workgroup.
//
// ROUND_A, ROUND_B: round operands that are stored as float32 to float16.
// The epilogue adds a bias to each column, keeps the value before the activation, and activates.

@compute @workgroup_size(THREADS_N, THREADS_M)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let firstM = group.y * TILE_M;
  let firstN = group.x * TILE_N;
  var sums: Sums;
  for (var firstK = 0u; firstK < uniforms.depth; firstK += K_TILE) {
    fillA(firstM, firstK, thread);
    fillB(firstN, firstK, thread);
    workgroupBarrier();
    multiplyTiles(&sums, local);
    workgroupBarrier();
  }
  @unroll for (var i = 0u; i < MICRO_M; i++) {
    let m = firstM + rowInTile(i, local);
    @unroll for (var j = 0u; j < MICRO_QUADS_N; j++) {
      let n = firstN + columnInTile(j, local);
      if (m < uniforms.rows && n < uniforms.columns) { finish(m, n, sums[i][j]); }
    }
  }
}

fn finish(m: u32, n: u32, sum: vec4f) {
  var value = sum;
  if (HAS_BIAS) { value += loadBias(0u, n, uniforms.columns); }
  if (ACTIVATION != NONE) {
    storeBefore(m * uniforms.columns, n, uniforms.columns, value);
    value = activate(value, ACTIVATION);
  }
  storeC(m * uniforms.columns, n, uniforms.columns, value);
}

fn readA(m: u32, k: u32) -> vec4f {
  if (m >= uniforms.rows || k >= uniforms.depth) { return vec4f(0.0); }
  let quad = loadA((uniforms.firstRow + m) * uniforms.depth, k, uniforms.depth);
  if (ROUND_A) { return toHalf(quad); }
  return quad;
}

fn readB(n: u32, k: u32) -> vec4f {
  if (n >= uniforms.columns || k >= uniforms.depth) { return vec4f(0.0); }
  let quad = loadB(n * uniforms.depth, k, uniforms.depth);
  if (ROUND_B) { return toHalf(quad); }
  return quad;
}

// Quads run along k: four rows at a time are turned over.

fn fillA(firstM: u32, firstK: u32, thread: u32) {
  for (var block = thread; block < QUADS_K * QUADS_M; block += THREADS) {
    let k = firstK + (block % QUADS_K) * 4u;
    let m = firstM + (block / QUADS_K) * 4u;
    let turned = transpose(
      mat4x4f(readA(m, k), readA(m + 1u, k), readA(m + 2u, k), readA(m + 3u, k)),
    );
    let first = (block % QUADS_K) * 4u * QUADS_M + block / QUADS_K;
    @unroll for (var j = 0u; j < 4; j++) { tileA[first + j * QUADS_M] = turned[j]; }
  }
}

fn fillB(firstN: u32, firstK: u32, thread: u32) {
  for (var block = thread; block < QUADS_K * QUADS_N; block += THREADS) {
    let k = firstK + (block % QUADS_K) * 4u;
    let n = firstN + (block / QUADS_K) * 4u;
    let turned = transpose(
      mat4x4f(readB(n, k), readB(n + 1u, k), readB(n + 2u, k), readB(n + 3u, k)),
    );
    let first = (block % QUADS_K) * 4u * QUADS_N + block / QUADS_K;
    @unroll for (var j = 0u; j < 4; j++) { tileB[first + j * QUADS_N] = turned[j]; }
  }
}
