// The heart of every matrix product: tiles of both operands in workgroup memory, K_TILE deep, and a
// smaller tile of the result in the registers of each thread. Blocks of the next tile are fetched into
// registers while this one is multiplied.

const TILE_M = THREADS_M * MICRO_M;
const TILE_N = THREADS_N * MICRO_N;
const THREADS = THREADS_M * THREADS_N;

alias Sums = array<array<vec4f, MICRO_QUADS_N>, MICRO_M>;

// [k][quad of m] and [k][quad of n], with quads at `swizzled` places.
var<workgroup> tileA: array<array<vec4f, QUADS_M>, K_TILE>;
var<workgroup> tileB: array<array<vec4f, QUADS_N>, K_TILE>;

// Where a quad lies in row k: threads of a warp that store different k, or different quads, then use
// different banks of the memory.
fn swizzled(quad: u32, k: u32) -> u32 {
  return quad ^ ((k / 4u % 4u) * 2u);
}

fn storeFetched(kind: u32, fetched: ptr<function, Fetched>, thread: u32) {
  @unroll for (var i = 0u; i < FETCHES_A; i++) {
    let place = placeA(kind, thread + i * THREADS);
    if (thread + i * THREADS < BLOCKS_A) {
      let quad = swizzled(place.y, place.x * 4u);
      @unroll for (var j = 0u; j < 4; j++) { tileA[place.x * 4u + j][quad] = (*fetched).a[i][j]; }
    }
  }
  @unroll for (var i = 0u; i < FETCHES_B; i++) {
    let place = placeB(kind, thread + i * THREADS);
    if (thread + i * THREADS < BLOCKS_B) {
      let quad = swizzled(place.y, place.x * 4u);
      @unroll for (var j = 0u; j < 4; j++) { tileB[place.x * 4u + j][quad] = (*fetched).b[i][j]; }
    }
  }
}

fn multiplyTiles(sums: ptr<function, Sums>, local: vec3u) {
  if (K_UNROLL == K_TILE) {
    // Constant places in the tiles, which no loop counter can become.
    multiplySlice(sums, 0u, local);
  } else {
    for (var first = 0u; first < K_TILE; first += K_UNROLL) { multiplySlice(sums, first, local); }
  }
}

fn multiplySlice(sums: ptr<function, Sums>, first: u32, local: vec3u) {
  @unroll for (var step = 0u; step < K_UNROLL; step++) {
    let k = first + step;
    var bs: array<vec4f, MICRO_QUADS_N>;
    @unroll for (var j = 0u; j < MICRO_QUADS_N; j++) {
      bs[j] = tileB[k][swizzled(j * THREADS_N + local.x, k)];
    }
    @unroll for (var i = 0u; i < MICRO_QUADS_M; i++) {
      let a = tileA[k][swizzled(i * THREADS_M + local.y, k)];
      @unroll for (var j = 0u; j < MICRO_QUADS_N; j++) {
        (*sums)[i * 4u][j] += a.x * bs[j];
        (*sums)[i * 4u + 1u][j] += a.y * bs[j];
        (*sums)[i * 4u + 2u][j] += a.z * bs[j];
        (*sums)[i * 4u + 3u][j] += a.w * bs[j];
      }
    }
  }
}

// Row of the tile that a thread's row `i` is, and column that its quad `j` begins at.
fn rowInTile(i: u32, local: vec3u) -> u32 {
  return (i / 4u * THREADS_M + local.y) * 4u + i % 4u;
}

fn columnInTile(j: u32, local: vec3u) -> u32 {
  return (j * THREADS_N + local.x) * 4u;
}

// What row k of the tile of `a` holds for a quad of rows.
fn quadOfA(k: u32, quad: u32) -> vec4f {
  return tileA[k][swizzled(quad, k)];
}

fn finishSums(sums: ptr<function, Sums>, stretch: Stretch, local: vec3u) {
  @unroll for (var i = 0u; i < MICRO_M; i++) {
    let m = stretch.firstM + rowInTile(i, local);
    @unroll for (var j = 0u; j < MICRO_QUADS_N; j++) {
      finishQuad(stretch, m, stretch.firstN + columnInTile(j, local), (*sums)[i][j]);
    }
  }
}
