// softmax(scale·q·kᵀ + bias)·v without the N × N matrix: each thread owns a query and walks over the
// keys, a tile at a time, with the running maximum and sum of the softmax. What it keeps for the
// backward pass is the logarithm of the sum.

// A thread owns ROWS queries, so that each key it reads serves all of them.

const TILE_QUADS = KEY_TILE * HEAD_QUADS;

var<workgroup> keys: array<vec4f, TILE_QUADS>;
var<workgroup> values: array<vec4f, TILE_QUADS>;
var<workgroup> logits: array<f32, KEY_TILE * ROWS * WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let head = group.y;
  let sample = group.z;
  let firstRow = group.x * WORKGROUP * ROWS + thread;
  // Rows past the end repeat the last query and store nothing: all threads must reach the barriers.
  let last = uniforms.tokens - 1u;
  var q: array<array<vec4f, HEAD_QUADS>, ROWS>;
  var y: array<array<vec4f, HEAD_QUADS>, ROWS>;
  var highest: array<f32, ROWS>;
  var sum: array<f32, ROWS>;
  @unroll for (var r = 0u; r < ROWS; r++) {
    let query = min(firstRow + r * WORKGROUP, last);
    highest[r] = -3.0e38;
    @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
      q[r][i] = readQkv(Q, head, sample, query, i) * uniforms.scale;
    }
  }
  for (var firstKey = 0u; firstKey < uniforms.tokens; firstKey += KEY_TILE) {
    workgroupBarrier();
    for (var i = thread; i < TILE_QUADS; i += WORKGROUP) {
      let key = firstKey + i / HEAD_QUADS;
      keys[i] = readQkv(K, head, sample, key, i % HEAD_QUADS);
      values[i] = readQkv(V, head, sample, key, i % HEAD_QUADS);
    }
    workgroupBarrier();
    let count = min(KEY_TILE, uniforms.tokens - firstKey);
    var tileHighest = highest;
    for (var key = 0u; key < count; key++) {
      var rowLogits = array<f32, ROWS>();
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
        let k = keys[key * HEAD_QUADS + i];
        @unroll for (var r = 0u; r < ROWS; r++) { rowLogits[r] += dot(q[r][i], k); }
      }
      @unroll for (var r = 0u; r < ROWS; r++) {
        let logit = rowLogits[r] + biasOf(head, min(firstRow + r * WORKGROUP, last), firstKey + key);
        logits[(key * ROWS + r) * WORKGROUP + thread] = logit;
        tileHighest[r] = max(tileHighest[r], logit);
      }
    }
    @unroll for (var r = 0u; r < ROWS; r++) {
      let shrink = exp(highest[r] - tileHighest[r]);
      highest[r] = tileHighest[r];
      sum[r] *= shrink;
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) { y[r][i] *= shrink; }
    }
    for (var key = 0u; key < count; key++) {
      var weights = array<f32, ROWS>();
      @unroll for (var r = 0u; r < ROWS; r++) {
        weights[r] = exp(logits[(key * ROWS + r) * WORKGROUP + thread] - highest[r]);
        sum[r] += weights[r];
      }
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
        let v = values[key * HEAD_QUADS + i];
        @unroll for (var r = 0u; r < ROWS; r++) { y[r][i] += weights[r] * v; }
      }
    }
  }
  @unroll for (var r = 0u; r < ROWS; r++) {
    let query = firstRow + r * WORKGROUP;
    if (query < uniforms.tokens) {
      let base = rowBase(sample, query);
      let first = head * HEAD_WIDTH;
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
        storeY(base, first + i * 4u, first + HEAD_WIDTH, y[r][i] / sum[r]);
      }
      logSums[statisticOf(head, sample, query)] = highest[r] + log(sum[r]);
    }
  }
}
