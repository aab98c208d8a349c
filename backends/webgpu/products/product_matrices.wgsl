// The heart of a float16 product on matrix units: tiles of both operands in workgroup memory, K_TILE deep,
// and for each subgroup COUNT_M × COUNT_N matrices of float32 sums. Operands are rounded to float16 before
// they get here, so that their products are the same numbers as those of product_tiles.wgsl.
//
// Without reductions over a subgroup: some drivers crash on both in one module.

const TILE_M = SUBGROUPS_M * COUNT_M * MATRIX_M;
const TILE_N = SUBGROUPS_N * COUNT_N * MATRIX_N;
const THREADS = THREADS_M * THREADS_N;
// Rows are a little longer than needed: neighbours begin in different banks of the memory.
const STRIDE_A = TILE_M + 8u;
const STRIDE_B = TILE_N + 8u;
const MATRIX_SIZE = MATRIX_M * MATRIX_N;

alias Left = subgroup_matrix_left<f16, MATRIX_K, MATRIX_M>;
alias Right = subgroup_matrix_right<f16, MATRIX_N, MATRIX_K>;
alias Result = subgroup_matrix_result<f32, MATRIX_N, MATRIX_M>;
alias Sums = array<array<Result, COUNT_N>, COUNT_M>;

// [k][m] and [k][n].
var<workgroup> tileA: array<f16, K_TILE * STRIDE_A>;
var<workgroup> tileB: array<f16, K_TILE * STRIDE_B>;
// A matrix of each subgroup, on its way to its threads.
var<workgroup> passed: array<f32, SUBGROUPS_M * SUBGROUPS_N * MATRIX_SIZE>;

fn storeFetched(kind: u32, fetched: ptr<function, Fetched>, thread: u32) {
  @unroll for (var i = 0u; i < FETCHES_A; i++) {
    let place = placeA(kind, thread + i * THREADS) * 4u;
    if (thread + i * THREADS < BLOCKS_A) {
      @unroll for (var j = 0u; j < 4; j++) {
        let quad = vec4<f16>((*fetched).a[i][j]);
        @unroll for (var e = 0u; e < 4; e++) { tileA[(place.x + j) * STRIDE_A + place.y + e] = quad[e]; }
      }
    }
  }
  @unroll for (var i = 0u; i < FETCHES_B; i++) {
    let place = placeB(kind, thread + i * THREADS) * 4u;
    if (thread + i * THREADS < BLOCKS_B) {
      @unroll for (var j = 0u; j < 4; j++) {
        let quad = vec4<f16>((*fetched).b[i][j]);
        @unroll for (var e = 0u; e < 4; e++) { tileB[(place.x + j) * STRIDE_B + place.y + e] = quad[e]; }
      }
    }
  }
}

// Where a subgroup's matrices begin in the tile.
fn firstOfSubgroup(local: vec3u) -> vec2u {
  let subgroup = local.x / LANES;
  return vec2u(
    subgroup / SUBGROUPS_N * COUNT_M * MATRIX_M,
    subgroup % SUBGROUPS_N * COUNT_N * MATRIX_N,
  );
}

fn multiplyTiles(sums: ptr<function, Sums>, local: vec3u) {
  let first = firstOfSubgroup(local);
  @unroll for (var step = 0u; step < K_STEPS; step++) {
    let rowA = step * MATRIX_K * STRIDE_A + first.x;
    let rowB = step * MATRIX_K * STRIDE_B + first.y;
    var left: array<Left, COUNT_M>;
    @unroll for (var i = 0u; i < COUNT_M; i++) {
      left[i] = subgroupMatrixLoad<Left, col_major>(&tileA, rowA + i * MATRIX_M, STRIDE_A);
    }
    @unroll for (var j = 0u; j < COUNT_N; j++) {
      let right = subgroupMatrixLoad<Right, row_major>(&tileB, rowB + j * MATRIX_N, STRIDE_B);
      @unroll for (var i = 0u; i < COUNT_M; i++) {
        (*sums)[i][j] = subgroupMatrixMultiplyAccumulate(left[i], right, (*sums)[i][j]);
      }
    }
  }
}

// What row k of the tile of `a` holds for a quad of rows.
fn quadOfA(k: u32, quad: u32) -> vec4f {
  let at = k * STRIDE_A + quad * 4u;
  return vec4f(vec4<f16>(tileA[at], tileA[at + 1u], tileA[at + 2u], tileA[at + 3u]));
}

fn finishSums(sums: ptr<function, Sums>, stretch: Stretch, local: vec3u) {
  let first = firstOfSubgroup(local);
  let own = local.x / LANES * MATRIX_SIZE;
  @unroll for (var i = 0u; i < COUNT_M; i++) {
    @unroll for (var j = 0u; j < COUNT_N; j++) {
      subgroupMatrixStore<row_major>(&passed, own, (*sums)[i][j], MATRIX_N);
      workgroupBarrier();
      for (var at = local.x % LANES * 4u; at < MATRIX_SIZE; at += LANES * 4u) {
        let begin = own + at;
        finishQuad(
          stretch,
          stretch.firstM + first.x + i * MATRIX_M + at / MATRIX_N,
          stretch.firstN + first.y + j * MATRIX_N + at % MATRIX_N,
          vec4f(passed[begin], passed[begin + 1u], passed[begin + 2u], passed[begin + 3u]),
        );
      }
      workgroupBarrier();
    }
  }
}
