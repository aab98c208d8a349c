// The two products of attention, each from a left and a right tile in workgroup memory to sums in the
// registers of the threads. Tiles are [step of the sum][quad of rows or columns].
//
// - Pairs: queries and keys, summed over channels. Both tiles are turned, CHANNELS steps at a time.
// - Outputs: rows (queries or keys) and channels, summed over POSITIONS tokens. Left are weights of
//   pairs, right rows as they lie in memory.
//
// A thread owns LEFT_MICRO quads of rows × RIGHT_MICRO quads of columns of the pairs, and
// OUT_LEFT_MICRO × OUT_RIGHT_MICRO of the outputs; quads of neighbouring threads lie side by side.
// What is stored turned would hit the same banks of memory from all threads: quads swap places, by
// exclusive or with a number that differs for the steps that are written at once.

alias Pairs = array<array<vec4f, RIGHT_MICRO>, LEFT_ROWS>;
alias Outputs = array<array<vec4f, OUT_RIGHT_MICRO>, OUT_LEFT_ROWS>;

var<workgroup> left: array<array<vec4f, LEFT_QUADS>, DEPTH>;
var<workgroup> right: array<array<vec4f, RIGHT_QUADS>, DEPTH>;

// Row of the tile that a thread's row `i` is, where `threads` lie side by side.
fn rowIn(i: u32, threads: u32, at: u32) -> u32 {
  return (i / 4u * threads + at) * 4u + i % 4u;
}

fn multiplyPairs(sums: ptr<function, Pairs>, at: vec2u) {
  @unroll for (var k = 0u; k < CHANNELS; k++) {
    var columns: array<vec4f, RIGHT_MICRO>;
    @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
      columns[j] = right[k][(j * RIGHT_THREADS + at.y) ^ (k / 4u % 8u)];
    }
    @unroll for (var i = 0u; i < LEFT_MICRO; i++) {
      let rows = left[k][(i * LEFT_THREADS + at.x) ^ (k / 4u % 8u)];
      @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
        (*sums)[i * 4u][j] += rows.x * columns[j];
        (*sums)[i * 4u + 1u][j] += rows.y * columns[j];
        (*sums)[i * 4u + 2u][j] += rows.z * columns[j];
        (*sums)[i * 4u + 3u][j] += rows.w * columns[j];
      }
    }
  }
}

// Puts quad `part` of every thread's rows of pairs into the left tile: weights of the outputs.
fn keepPairs(pairs: ptr<function, Pairs>, part: u32, at: vec2u) {
  @unroll for (var i = 0u; i < LEFT_ROWS; i++) {
    if (part == i / 4u) {
      @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
        left[at.x * 4u + i % 4u][(j * RIGHT_THREADS + at.y) ^ (at.x % 8u)] = (*pairs)[i][j];
      }
    }
  }
}

fn multiplyOutputs(sums: ptr<function, Outputs>, at: vec2u) {
  @unroll for (var k = 0u; k < POSITIONS; k++) {
    var columns: array<vec4f, OUT_RIGHT_MICRO>;
    @unroll for (var j = 0u; j < OUT_RIGHT_MICRO; j++) {
      columns[j] = right[k][j * OUT_RIGHT_THREADS + at.y];
    }
    @unroll for (var i = 0u; i < OUT_LEFT_MICRO; i++) {
      let rows = left[k][(i * OUT_LEFT_THREADS + at.x) ^ (k / 4u % 8u)];
      @unroll for (var j = 0u; j < OUT_RIGHT_MICRO; j++) {
        (*sums)[i * 4u][j] += rows.x * columns[j];
        (*sums)[i * 4u + 1u][j] += rows.y * columns[j];
        (*sums)[i * 4u + 2u][j] += rows.z * columns[j];
        (*sums)[i * 4u + 3u][j] += rows.w * columns[j];
      }
    }
  }
}

// What tiles are filled from: readRow(source, …) is defined by who includes this.
const Q = 0u;
const K = 1u;
const V = 2u;
const DY = 3u;
const PAIRS = 4u;

// Quad of a head's row of q (scaled), k or v; zeros past its last channel.
fn readQkv(part: u32, place: Place, token: u32, quad: u32) -> vec4f {
  let width = uniforms.heads * HEAD_WIDTH;
  let first = part * width + place.head * HEAD_WIDTH;
  let base = (place.sample * uniforms.tokens + tokenBefore(token)) * 3u * width;
  let column = first + min(quad, HEAD_QUADS - 1u) * 4u;
  let value = rounded(loadQkv(base, column, first + HEAD_WIDTH), ROUND);
  let factor = select(1.0, uniforms.scale, part == Q);
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

fn fillLeft(source: u32, place: Place, firstRow: u32, firstQuad: u32, thread: u32) {
  @unroll for (var n = 0u; n < LEFT_FILLS; n++) {
    let block = n * THREADS + thread;
    if (LEFT_BLOCKS % THREADS == 0u || block < LEFT_BLOCKS) {
      let row = block / CHANNEL_QUADS;
      let quad = block % CHANNEL_QUADS;
      let turned = readTurned(source, place, firstRow + row * 4u, firstQuad + quad);
      @unroll for (var c = 0u; c < 4; c++) { left[quad * 4u + c][row ^ (quad % 8u)] = turned[c]; }
    }
  }
}

fn fillRight(source: u32, place: Place, firstRow: u32, firstQuad: u32, thread: u32) {
  @unroll for (var n = 0u; n < RIGHT_FILLS; n++) {
    let block = n * THREADS + thread;
    if (RIGHT_BLOCKS % THREADS == 0u || block < RIGHT_BLOCKS) {
      let row = block / CHANNEL_QUADS;
      let quad = block % CHANNEL_QUADS;
      let turned = readTurned(source, place, firstRow + row * 4u, firstQuad + quad);
      @unroll for (var c = 0u; c < 4; c++) { right[quad * 4u + c][row ^ (quad % 8u)] = turned[c]; }
    }
  }
}

// POSITIONS rows of `source`, unchanged.
fn fillRows(source: u32, place: Place, firstRow: u32, thread: u32) {
  @unroll for (var n = 0u; n < ROW_FILLS; n++) {
    let block = n * THREADS + thread;
    if (ROW_BLOCKS % THREADS == 0u || block < ROW_BLOCKS) {
      let row = block / HEAD_QUADS;
      let quad = block % HEAD_QUADS;
      right[row][quad] = readRow(source, place, firstRow + row, quad);
    }
  }
}
