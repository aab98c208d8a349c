// What a workgroup multiplies, and the way from buffers to registers: operands come in blocks of four by
// four, four values of k, a quad of rows (or columns) for each. Who includes this gives them:
//   placeA(kind, block), placeB(kind, block) → the block's place in the tile, in quads: (k, m or n);
//   blockA(stretch, k, m), blockB(stretch, k, n) → the four quads;
//   finishQuad(stretch, m, n, sum) takes four columns of the result, some perhaps past its end.
// TILE_M, TILE_N and THREADS come from product_tiles.wgsl or product_matrices.wgsl.

const QUADS_M = TILE_M / 4u;
const QUADS_N = TILE_N / 4u;
const QUADS_K = K_TILE / 4u;
const BLOCKS_A = QUADS_K * QUADS_M;
const BLOCKS_B = QUADS_K * QUADS_N;

alias Block = array<vec4f, 4>;

// With a constant kind, the compiler makes code for just that.
struct Stretch {
  kind: u32,
  firstM: u32,
  firstN: u32,
  // Where k ends.
  end: u32,
  // Which part of the sums it is, if they are made in parts.
  part: u32,
}

struct Fetched {
  a: array<Block, FETCHES_A>,
  b: array<Block, FETCHES_B>,
}

fn fetch(stretch: Stretch, firstK: u32, thread: u32) -> Fetched {
  var fetched: Fetched;
  @unroll for (var i = 0u; i < FETCHES_A; i++) {
    let place = placeA(stretch.kind, thread + i * THREADS) * 4u;
    fetched.a[i] = blockA(stretch, firstK + place.x, stretch.firstM + place.y);
  }
  @unroll for (var i = 0u; i < FETCHES_B; i++) {
    let place = placeB(stretch.kind, thread + i * THREADS) * 4u;
    fetched.b[i] = blockB(stretch, firstK + place.x, stretch.firstN + place.y);
  }
  return fetched;
}

// Four quads that run along k, turned over to run along m.
fn turned(first: vec4f, second: vec4f, third: vec4f, fourth: vec4f) -> Block {
  let matrix = transpose(mat4x4f(first, second, third, fourth));
  return Block(matrix[0], matrix[1], matrix[2], matrix[3]);
}
