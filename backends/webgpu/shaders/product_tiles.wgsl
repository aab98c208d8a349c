// The heart of every matrix product: tiles of both operands in workgroup memory, K_TILE deep, and a
// smaller tile of the result in the registers of each thread. Who includes this fills the tiles.

const TILE_M = THREADS_M * MICRO_M;
const TILE_N = THREADS_N * MICRO_N;
const THREADS = THREADS_M * THREADS_N;
const QUADS_M = TILE_M / 4u;
const QUADS_N = TILE_N / 4u;
const QUADS_K = K_TILE / 4u;

alias Sums = array<array<vec4f, MICRO_QUADS_N>, MICRO_M>;

// [k][quad of m] and [k][quad of n].
var<workgroup> tileA: array<vec4f, K_TILE * QUADS_M>;
var<workgroup> tileB: array<vec4f, K_TILE * QUADS_N>;

fn multiplyTiles(sums: ptr<function, Sums>, local: vec3u) {
  for (var first = 0u; first < K_TILE; first += K_UNROLL) {
    @unroll for (var step = 0u; step < K_UNROLL; step++) {
      let k = first + step;
      var bs: array<vec4f, MICRO_QUADS_N>;
      @unroll for (var j = 0u; j < MICRO_QUADS_N; j++) {
        bs[j] = tileB[k * QUADS_N + j * THREADS_N + local.x];
      }
      @unroll for (var i = 0u; i < MICRO_QUADS_M; i++) {
        let a = tileA[k * QUADS_M + i * THREADS_M + local.y];
        @unroll for (var j = 0u; j < MICRO_QUADS_N; j++) {
          (*sums)[i * 4u][j] += a.x * bs[j];
          (*sums)[i * 4u + 1u][j] += a.y * bs[j];
          (*sums)[i * 4u + 2u][j] += a.z * bs[j];
          (*sums)[i * 4u + 3u][j] += a.w * bs[j];
        }
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
