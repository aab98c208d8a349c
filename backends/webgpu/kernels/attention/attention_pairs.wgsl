// How a workgroup's pairs and outputs are divided among its threads, and what its tiles are filled from.
// Who includes this multiplies: attention_tiles.wgsl by threads, attention_matrices.wgsl on matrix units.
//
// - Pairs: queries and keys, summed over CHANNELS channels at a time, of a left and a right tile of rows.
// - Outputs: rows (queries or keys) and channels, summed over POSITIONS tokens. Left are weights of
//   pairs, right rows as they lie in memory.
//
// A thread owns LEFT_MICRO quads of rows × RIGHT_MICRO quads of columns of the pairs, and
// OUT_LEFT_MICRO × OUT_RIGHT_MICRO of the outputs; quads of neighbouring threads lie side by side.

alias Pairs = array<array<vec4f, RIGHT_MICRO>, LEFT_ROWS>;
alias Outputs = array<array<vec4f, OUT_RIGHT_MICRO>, OUT_LEFT_ROWS>;

// A thread of a workgroup, and its places (row, column) among those that divide pairs, and outputs.
struct Worker {
  thread: u32,
  pairs: vec2u,
  outputs: vec2u,
}

// Row of the tile that a thread's row `i` is, where `threads` lie side by side.
fn rowIn(i: u32, threads: u32, at: u32) -> u32 {
  return (i / 4u * threads + at) * 4u + i % 4u;
}

// What tiles are filled from: readRow(source, …) is defined by who includes this.
const Q = 0u;
const K = 1u;
const V = 2u;
const DY = 3u;
const PAIRS = 4u;

// What products with q are still to be multiplied by.
fn lateScale() -> f32 {
  return select(uniforms.scale, 1.0, SCALES_Q);
}

// Quad of a head's row of q, k or v; zeros past its last channel.
fn readQkv(part: u32, place: Place, token: u32, quad: u32) -> vec4f {
  let width = uniforms.heads * HEAD_WIDTH;
  let first = part * width + place.head * HEAD_WIDTH;
  let base = (place.sample * uniforms.tokens + tokenBefore(token)) * 3u * width;
  let column = first + min(quad, HEAD_QUADS - 1u) * 4u;
  let value = rounded(loadQkv(base, column, first + HEAD_WIDTH), ROUND);
  let factor = select(1.0, uniforms.scale, SCALES_Q && part == Q);
  return select(vec4f(0.0), value * factor, quad < HEAD_QUADS);
}

// Four rows of `source` from `row` on, turned: element [c] is their channel c of the quad.
fn readTurned(source: u32, place: Place, row: u32, quad: u32) -> mat4x4f {
  return transpose(mat4x4f(
    readRow(source, place, row, quad),
    readRow(source, place, row + 1u, quad),
    readRow(source, place, row + 2u, quad),
    readRow(source, place, row + 3u, quad),
  ));
}

