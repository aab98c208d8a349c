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
  let whole = Stretch(0u, group.y * TILE_M, group.x * TILE_N, uniforms.depth, 0u);
  var sums: Sums;
  var fetched = fetch(whole, 0u, thread);
  for (var firstK = 0u; firstK < uniforms.depth; firstK += K_TILE) {
    storeFetched(0u, &fetched, thread);
    workgroupBarrier();
    fetched = fetch(whole, firstK + K_TILE, thread);
    multiplyTiles(&sums, local);
    workgroupBarrier();
  }
  finishSums(&sums, whole, local);
}

fn finishQuad(stretch: Stretch, m: u32, n: u32, sum: vec4f) {
  if (m >= uniforms.rows || n >= uniforms.columns) { return; }
  var value = sum;
  if (HAS_BIAS) { value += biasOf(n); }
  if (ACTIVATION != NONE) {
    storeBefore(m * uniforms.columns, n, uniforms.columns, value);
    value = activate(value, ACTIVATION);
  }
  storeC(m * uniforms.columns, n, uniforms.columns, value);
}

// IS_JOINT: the first third of the columns has a bias of its own and so has the last.
fn biasOf(n: u32) -> vec4f {
  let third = uniforms.columns / 3u;
  if (!IS_JOINT) { return loadBias(0u, n, uniforms.columns); }
  if (n < third) { return loadBias(0u, n, third); }
  if (n >= 2u * third) { return loadLastBias(0u, n - 2u * third, third); }
  return vec4f(0.0);
}

// Rows and columns past the end repeat the last and are not stored; past the depth there are zeros.

fn readA(m: u32, k: u32) -> vec4f {
  let row = uniforms.firstRow + min(m, uniforms.rows - 1u);
  let isWithin = k < uniforms.depth;
  let quad = loadA(row * uniforms.depth, select(0u, k, isWithin), uniforms.depth);
  return select(vec4f(0.0), rounded(quad, ROUND_A), isWithin);
}

fn readB(n: u32, k: u32) -> vec4f {
  let isWithin = k < uniforms.depth;
  let row = min(n, uniforms.columns - 1u);
  let quad = loadB(row * uniforms.depth, select(0u, k, isWithin), uniforms.depth);
  return select(vec4f(0.0), rounded(quad, ROUND_B), isWithin);
}

// Quads run along k: a warp reads whole lines.

fn placeA(kind: u32, block: u32) -> vec2u {
  return vec2u(block % QUADS_K, block / QUADS_K);
}

fn placeB(kind: u32, block: u32) -> vec2u {
  return vec2u(block % QUADS_K, block / QUADS_K);
}

fn blockA(stretch: Stretch, k: u32, m: u32) -> Block {
  return turned(readA(m, k), readA(m + 1u, k), readA(m + 2u, k), readA(m + 3u, k));
}

fn blockB(stretch: Stretch, k: u32, n: u32) -> Block {
  return turned(readB(n, k), readB(n + 1u, k), readB(n + 2u, k), readB(n + 3u, k));
}
