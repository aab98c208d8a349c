// c[m, n] = epilogue(Σ_k a(m, k)·b(k, n)), with a tile of c for each workgroup and a smaller tile of
// it in the registers of each thread. Tiles of a and b pass through workgroup memory, K_TILE deep.
//
// A_ALONG_K: a is stored [M, K], else [K, M]. B_ALONG_K: b is stored [N, K], else [K, N].
// ROUND_A, ROUND_B: round operands that are stored as float32 to float16.
// firstA, firstB, firstC: rows, as stored, at which a, b and c begin. ACCUMULATE adds to c.
// The epilogue adds a bias to each column, keeps the value before the activation, and activates.

const TILE_M = THREADS_M * MICRO_M;
const TILE_N = THREADS_N * MICRO_N;
const THREADS = THREADS_M * THREADS_N;
const QUADS_M = TILE_M / 4u;
const QUADS_N = TILE_N / 4u;
const QUADS_K = K_TILE / 4u;

var<workgroup> tileA: array<vec4f, K_TILE * QUADS_M>;
var<workgroup> tileB: array<vec4f, K_TILE * QUADS_N>;

@compute @workgroup_size(THREADS_N, THREADS_M)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let firstM = group.y * TILE_M;
  let firstN = group.x * TILE_N;
  var sums: array<array<vec4f, MICRO_QUADS_N>, MICRO_M>;
  for (var firstK = 0u; firstK < uniforms.depth; firstK += K_TILE) {
    fillA(firstM, firstK, thread);
    fillB(firstN, firstK, thread);
    workgroupBarrier();
    for (var firstStep = 0u; firstStep < K_TILE; firstStep += K_UNROLL) {
    @unroll for (var step = 0u; step < K_UNROLL; step++) {
      let k = firstStep + step;
      var bs: array<vec4f, MICRO_QUADS_N>;
      @unroll for (var j = 0u; j < MICRO_QUADS_N; j++) {
        bs[j] = tileB[k * QUADS_N + j * THREADS_N + local.x];
      }
      @unroll for (var i = 0u; i < MICRO_QUADS_M; i++) {
        let a = tileA[k * QUADS_M + i * THREADS_M + local.y];
        @unroll for (var j = 0u; j < MICRO_QUADS_N; j++) {
          sums[i * 4u][j] += a.x * bs[j];
          sums[i * 4u + 1u][j] += a.y * bs[j];
          sums[i * 4u + 2u][j] += a.z * bs[j];
          sums[i * 4u + 3u][j] += a.w * bs[j];
        }
      }
    }
    }
    workgroupBarrier();
  }
  @unroll for (var i = 0u; i < MICRO_M; i++) {
    let m = firstM + (i / 4u * THREADS_M + local.y) * 4u + i % 4u;
    @unroll for (var j = 0u; j < MICRO_QUADS_N; j++) {
      let n = firstN + (j * THREADS_N + local.x) * 4u;
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
  let base = (uniforms.firstC + m) * uniforms.columns;
  if (ACCUMULATE) { value += loadC(base, n, uniforms.columns); }
  storeC(base, n, uniforms.columns, value);
}

fn readA(major: u32, minor: u32, majors: u32, minors: u32) -> vec4f {
  if (major >= majors || minor >= minors) { return vec4f(0.0); }
  let quad = loadA((uniforms.firstA + major) * minors, minor, minors);
  if (ROUND_A) { return toHalf(quad); }
  return quad;
}

fn readB(major: u32, minor: u32, majors: u32, minors: u32) -> vec4f {
  if (major >= majors || minor >= minors) { return vec4f(0.0); }
  let quad = loadB((uniforms.firstB + major) * minors, minor, minors);
  if (ROUND_B) { return toHalf(quad); }
  return quad;
}

// Tiles are filled four quads at a time: where a quad runs along k, four rows are turned over.

fn fillA(firstM: u32, firstK: u32, thread: u32) {
  for (var block = thread; block < QUADS_K * QUADS_M; block += THREADS) {
    if (A_ALONG_K) {
      let k = firstK + (block % QUADS_K) * 4u;
      let m = firstM + (block / QUADS_K) * 4u;
      let turned = transpose(mat4x4f(
        readA(m, k, uniforms.rows, uniforms.depth),
        readA(m + 1u, k, uniforms.rows, uniforms.depth),
        readA(m + 2u, k, uniforms.rows, uniforms.depth),
        readA(m + 3u, k, uniforms.rows, uniforms.depth),
      ));
      let first = (block % QUADS_K) * 4u * QUADS_M + block / QUADS_K;
      @unroll for (var j = 0u; j < 4; j++) { tileA[first + j * QUADS_M] = turned[j]; }
    } else {
      let m = firstM + (block % QUADS_M) * 4u;
      @unroll for (var j = 0u; j < 4; j++) {
        let k = block / QUADS_M + j * QUADS_K;
        tileA[k * QUADS_M + block % QUADS_M] = readA(firstK + k, m, uniforms.depth, uniforms.rows);
      }
    }
  }
}

fn fillB(firstN: u32, firstK: u32, thread: u32) {
  for (var block = thread; block < QUADS_K * QUADS_N; block += THREADS) {
    if (B_ALONG_K) {
      let k = firstK + (block % QUADS_K) * 4u;
      let n = firstN + (block / QUADS_K) * 4u;
      let turned = transpose(mat4x4f(
        readB(n, k, uniforms.columns, uniforms.depth),
        readB(n + 1u, k, uniforms.columns, uniforms.depth),
        readB(n + 2u, k, uniforms.columns, uniforms.depth),
        readB(n + 3u, k, uniforms.columns, uniforms.depth),
      ));
      let first = (block % QUADS_K) * 4u * QUADS_N + block / QUADS_K;
      @unroll for (var j = 0u; j < 4; j++) { tileB[first + j * QUADS_N] = turned[j]; }
    } else {
      let n = firstN + (block % QUADS_N) * 4u;
      @unroll for (var j = 0u; j < 4; j++) {
        let k = block / QUADS_N + j * QUADS_K;
        tileB[k * QUADS_N + block % QUADS_N] =
          readB(firstK + k, n, uniforms.depth, uniforms.columns);
      }
    }
  }
}
