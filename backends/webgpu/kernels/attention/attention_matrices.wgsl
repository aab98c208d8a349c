// The two products of attention on matrix units: tiles of float16 in workgroup memory, rows as they lie in
// memory, and float32 sums. Matrices reach the registers of the threads through workgroup memory.
//
// q, k, v and dy are float16 already; the weights of pairs are rounded to it. The scale is not in q, which
// would round it, but a factor of sums.
//
// Without reductions over a subgroup: some drivers crash on both in one module.

const SCALES_Q = false;
// Rows are a little longer than needed: neighbours begin in different banks of the memory.
const ROW_STRIDE = max(CHANNELS, HEAD_WIDTH) + 8u;
const WEIGHT_STRIDE = OUT_ROWS + 8u;
const PAIR_STRIDE = PAIR_COLUMNS + 4u;
const OUT_STRIDE = HEAD_WIDTH + 4u;

alias Left = subgroup_matrix_left<f16, MATRIX_K, MATRIX_M>;
alias Right = subgroup_matrix_right<f16, MATRIX_N, MATRIX_K>;
alias Result = subgroup_matrix_result<f32, MATRIX_N, MATRIX_M>;
alias OutputSums = array<array<Result, OUT_COUNT_N>, OUT_COUNT_M>;

// [row][channel]; left also [position][row of the outputs].
var<workgroup> left: array<f16, max(PAIR_ROWS * ROW_STRIDE, POSITIONS * WEIGHT_STRIDE)>;
var<workgroup> right: array<f16, max(PAIR_COLUMNS, POSITIONS) * ROW_STRIDE>;
// Results on their way to the threads: [row][column].
var<workgroup> passed: array<f32, max(PAIR_ROWS * PAIR_STRIDE, OUT_ROWS * OUT_STRIDE)>;

// Row and column of the first matrix of a thread's subgroup, COUNT_M × COUNT_N of which belong to it.
fn firstOfSubgroup(thread: u32, across: u32, counts: vec2u) -> vec2u {
  let subgroup = thread / LANES;
  return vec2u(subgroup / across, subgroup % across) * counts * vec2u(MATRIX_M, MATRIX_N);
}

fn passedQuad(at: u32) -> vec4f {
  return vec4f(passed[at], passed[at + 1u], passed[at + 2u], passed[at + 3u]);
}

// Adds `factor` times the products to the sums.
fn multiplyPairs(sums: ptr<function, Pairs>, worker: Worker, isBusy: bool, factor: f32) {
  if (worker.thread / LANES < PAIR_SUBGROUPS) {
    let first = firstOfSubgroup(worker.thread, PAIR_ACROSS, vec2u(PAIR_COUNT_M, PAIR_COUNT_N));
    var products: array<array<Result, PAIR_COUNT_N>, PAIR_COUNT_M>;
    @unroll for (var step = 0u; step < PAIR_STEPS; step++) {
      let channel = step * MATRIX_K;
      var rows: array<Left, PAIR_COUNT_M>;
      @unroll for (var i = 0u; i < PAIR_COUNT_M; i++) {
        let begin = (first.x + i * MATRIX_M) * ROW_STRIDE + channel;
        rows[i] = subgroupMatrixLoad<Left, row_major>(&left, begin, ROW_STRIDE);
      }
      @unroll for (var j = 0u; j < PAIR_COUNT_N; j++) {
        let begin = (first.y + j * MATRIX_N) * ROW_STRIDE + channel;
        let columns = subgroupMatrixLoad<Right, col_major>(&right, begin, ROW_STRIDE);
        @unroll for (var i = 0u; i < PAIR_COUNT_M; i++) {
          products[i][j] = subgroupMatrixMultiplyAccumulate(rows[i], columns, products[i][j]);
        }
      }
    }
    @unroll for (var i = 0u; i < PAIR_COUNT_M; i++) {
      @unroll for (var j = 0u; j < PAIR_COUNT_N; j++) {
        let begin = (first.x + i * MATRIX_M) * PAIR_STRIDE + first.y + j * MATRIX_N;
        subgroupMatrixStore<row_major>(&passed, begin, products[i][j], PAIR_STRIDE);
      }
    }
  }
  workgroupBarrier();
  if (!isBusy) { return; }
  @unroll for (var i = 0u; i < LEFT_ROWS; i++) {
    let row = rowIn(i, LEFT_THREADS, worker.pairs.x) * PAIR_STRIDE;
    @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
      (*sums)[i][j] += factor * passedQuad(row + (j * RIGHT_THREADS + worker.pairs.y) * 4u);
    }
  }
}

// Puts quad `part` of every thread's rows of pairs into the left tile: weights of the outputs.
fn keepPairs(pairs: ptr<function, Pairs>, part: u32, worker: Worker) {
  @unroll for (var i = 0u; i < LEFT_ROWS; i++) {
    if (part == i / 4u) {
      let row = (worker.pairs.x * 4u + i % 4u) * WEIGHT_STRIDE;
      @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
        keepLeft(row + (j * RIGHT_THREADS + worker.pairs.y) * 4u, halvesOf((*pairs)[i][j]));
      }
    }
  }
}

// Adds the products of the weights and the rows to the sums.
fn multiplyOutputs(sums: ptr<function, OutputSums>, worker: Worker, isBusy: bool) {
  if (worker.thread / LANES >= OUT_SUBGROUPS) { return; }
  let first = firstOfSubgroup(worker.thread, OUT_ACROSS, vec2u(OUT_COUNT_M, OUT_COUNT_N));
  @unroll for (var step = 0u; step < OUT_STEPS; step++) {
    let position = step * MATRIX_K;
    var weights: array<Left, OUT_COUNT_M>;
    @unroll for (var i = 0u; i < OUT_COUNT_M; i++) {
      let begin = position * WEIGHT_STRIDE + first.x + i * MATRIX_M;
      weights[i] = subgroupMatrixLoad<Left, col_major>(&left, begin, WEIGHT_STRIDE);
    }
    @unroll for (var j = 0u; j < OUT_COUNT_N; j++) {
      let begin = position * ROW_STRIDE + first.y + j * MATRIX_N;
      let rows = subgroupMatrixLoad<Right, row_major>(&right, begin, ROW_STRIDE);
      @unroll for (var i = 0u; i < OUT_COUNT_M; i++) {
        (*sums)[i][j] = subgroupMatrixMultiplyAccumulate(weights[i], rows, (*sums)[i][j]);
      }
    }
  }
}

// What a thread owns of the sums. All threads call it.
fn outputsOf(sums: ptr<function, OutputSums>, worker: Worker) -> Outputs {
  workgroupBarrier();
  if (worker.thread / LANES < OUT_SUBGROUPS) {
    let first = firstOfSubgroup(worker.thread, OUT_ACROSS, vec2u(OUT_COUNT_M, OUT_COUNT_N));
    @unroll for (var i = 0u; i < OUT_COUNT_M; i++) {
      @unroll for (var j = 0u; j < OUT_COUNT_N; j++) {
        let begin = (first.x + i * MATRIX_M) * OUT_STRIDE + first.y + j * MATRIX_N;
        subgroupMatrixStore<row_major>(&passed, begin, (*sums)[i][j], OUT_STRIDE);
      }
    }
  }
  workgroupBarrier();
  var outputs: Outputs;
  @unroll for (var i = 0u; i < OUT_LEFT_ROWS; i++) {
    let row = rowIn(i, OUT_LEFT_THREADS, worker.outputs.x) * OUT_STRIDE;
    @unroll for (var j = 0u; j < OUT_RIGHT_MICRO; j++) {
      let quad = min(j * OUT_RIGHT_THREADS + worker.outputs.y, HEAD_QUADS - 1u);
      outputs[i][j] = passedQuad(row + quad * 4u);
    }
  }
  return outputs;
}

// Adds the products of the weights and the rows to what a thread owns. All threads call it.
fn addOutputs(outputs: ptr<function, Outputs>, worker: Worker, isBusy: bool) {
  var sums: OutputSums;
  multiplyOutputs(&sums, worker, isBusy);
  let added = outputsOf(&sums, worker);
  @unroll for (var i = 0u; i < OUT_LEFT_ROWS; i++) {
    @unroll for (var j = 0u; j < OUT_RIGHT_MICRO; j++) { (*outputs)[i][j] += added[i][j]; }
  }
}

// Numbers too large for float16 become infinite, see half.wgsl.
fn halvesOf(value: vec4f) -> vec4<f16> {
  return vec4<f16>(select(value, value * 3.0e38, abs(value) >= vec4f(65520.0)));
}

fn keepLeft(at: u32, quad: vec4<f16>) {
  @unroll for (var e = 0u; e < 4; e++) { left[at + e] = quad[e]; }
}

fn keepRight(at: u32, quad: vec4<f16>) {
  @unroll for (var e = 0u; e < 4; e++) { right[at + e] = quad[e]; }
}

// Nothing here is indexed in registers, so that loops stay loops: compilers take long over unrolled ones.

// Rows of `source`; those of kept pairs, which are weights, turned.
fn fillLeft(source: u32, place: Place, firstRow: u32, firstQuad: u32, thread: u32) {
  for (var n = 0u; n < LEFT_FILLS; n++) {
    let block = n * THREADS + thread;
    if (LEFT_BLOCKS % THREADS == 0u || block < LEFT_BLOCKS) {
      let row = block / CHANNEL_QUADS * 4u;
      let quad = block % CHANNEL_QUADS;
      if (source == PAIRS) {
        let turned = readTurned(source, place, firstRow + row, firstQuad + quad);
        @unroll for (var c = 0u; c < 4; c++) {
          keepLeft((quad * 4u + c) * WEIGHT_STRIDE + row, halvesOf(turned[c]));
        }
      } else {
        for (var r = 0u; r < 4u; r++) {
          let value = readRow(source, place, firstRow + row + r, firstQuad + quad);
          keepLeft((row + r) * ROW_STRIDE + quad * 4u, vec4<f16>(value));
        }
      }
    }
  }
}

fn fillRight(source: u32, place: Place, firstRow: u32, firstQuad: u32, thread: u32) {
  for (var n = 0u; n < RIGHT_FILLS; n++) {
    let block = n * THREADS + thread;
    if (RIGHT_BLOCKS % THREADS == 0u || block < RIGHT_BLOCKS) {
      let row = block / CHANNEL_QUADS * 4u;
      let quad = block % CHANNEL_QUADS;
      for (var r = 0u; r < 4u; r++) {
        let value = readRow(source, place, firstRow + row + r, firstQuad + quad);
        keepRight((row + r) * ROW_STRIDE + quad * 4u, vec4<f16>(value));
      }
    }
  }
}

// POSITIONS rows of `source`.
fn fillRows(source: u32, place: Place, firstRow: u32, thread: u32) {
  for (var n = 0u; n < ROW_FILLS; n++) {
    let block = n * THREADS + thread;
    if (ROW_BLOCKS % THREADS == 0u || block < ROW_BLOCKS) {
      let row = block / HEAD_QUADS;
      let quad = block % HEAD_QUADS;
      let value = readRow(source, place, firstRow + row, quad);
      keepRight(row * ROW_STRIDE + quad * 4u, vec4<f16>(value));
    }
  }
}
