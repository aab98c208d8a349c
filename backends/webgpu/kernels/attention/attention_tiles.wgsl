// The two products of attention by threads: from a left and a right tile in workgroup memory to sums in their
// registers. Tiles are [step of the sum][quad of rows or columns]; both of the pairs' are turned.
//
// What is stored turned would hit the same banks of memory from all threads: quads swap places, by
// exclusive or with a number that differs for the steps that are written at once.

const SCALES_Q = true;

alias OutputSums = Outputs;

var<workgroup> left: array<array<vec4f, LEFT_QUADS>, DEPTH>;
var<workgroup> right: array<array<vec4f, RIGHT_QUADS>, DEPTH>;

// Adds the products to the sums; `factor` is 1.
fn multiplyPairs(sums: ptr<function, Pairs>, worker: Worker, isBusy: bool, factor: f32) {
  if (!isBusy) { return; }
  let at = worker.pairs;
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
fn keepPairs(pairs: ptr<function, Pairs>, part: u32, worker: Worker) {
  let at = worker.pairs;
  @unroll for (var i = 0u; i < LEFT_ROWS; i++) {
    if (part == i / 4u) {
      @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
        left[at.x * 4u + i % 4u][(j * RIGHT_THREADS + at.y) ^ (at.x % 8u)] = (*pairs)[i][j];
      }
    }
  }
}

// Adds the products of the weights and the rows to the sums.
fn multiplyOutputs(sums: ptr<function, OutputSums>, worker: Worker, isBusy: bool) {
  if (!isBusy) { return; }
  let at = worker.outputs;
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

fn addOutputs(outputs: ptr<function, Outputs>, worker: Worker, isBusy: bool) {
  multiplyOutputs(outputs, worker, isBusy);
}

fn outputsOf(sums: ptr<function, OutputSums>, worker: Worker) -> Outputs {
  return *sums;
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
