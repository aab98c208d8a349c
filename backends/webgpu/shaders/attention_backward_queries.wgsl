// dq, each thread ROWS queries: dq = scale·Σ_j ds_j·k_j with ds_j = p_j·(dy·v_j - delta), where
// p_j = exp(logit_j - logSum) and delta = dy·y. delta is kept for the passes over keys and bias.

const TILE_QUADS = KEY_TILE * HEAD_QUADS;

var<workgroup> keys: array<vec4f, TILE_QUADS>;
var<workgroup> values: array<vec4f, TILE_QUADS>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let head = group.y;
  let sample = group.z;
  let first = head * HEAD_WIDTH;
  let firstRow = group.x * WORKGROUP * ROWS + thread;
  // Rows past the end repeat the last query and store nothing: all threads must reach the barriers.
  let last = uniforms.tokens - 1u;
  var q: array<array<vec4f, HEAD_QUADS>, ROWS>;
  var gradient: array<array<vec4f, HEAD_QUADS>, ROWS>;
  var dq: array<array<vec4f, HEAD_QUADS>, ROWS>;
  var delta: array<f32, ROWS>;
  var logSum: array<f32, ROWS>;
  @unroll for (var r = 0u; r < ROWS; r++) {
    let query = min(firstRow + r * WORKGROUP, last);
    let base = rowBase(sample, query);
    let statistic = statisticOf(head, sample, query);
    logSum[r] = logSums[statistic];
    @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
      q[r][i] = readQkv(Q, head, sample, query, i) * uniforms.scale;
      gradient[r][i] = round(loadDy(base, first + i * 4u, first + HEAD_WIDTH));
      delta[r] += dot(gradient[r][i], loadY(base, first + i * 4u, first + HEAD_WIDTH));
    }
    if (firstRow + r * WORKGROUP < uniforms.tokens) { deltas[statistic] = delta[r]; }
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
    for (var key = 0u; key < count; key++) {
      var dlogits = array<f32, ROWS>();
      var logits = array<f32, ROWS>();
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
        let k = keys[key * HEAD_QUADS + i];
        let v = values[key * HEAD_QUADS + i];
        @unroll for (var r = 0u; r < ROWS; r++) {
          logits[r] += dot(q[r][i], k);
          dlogits[r] += dot(gradient[r][i], v);
        }
      }
      @unroll for (var r = 0u; r < ROWS; r++) {
        let logit = logits[r] + biasOf(head, min(firstRow + r * WORKGROUP, last), firstKey + key);
        dlogits[r] = exp(logit - logSum[r]) * (dlogits[r] - delta[r]);
      }
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
        let k = keys[key * HEAD_QUADS + i];
        @unroll for (var r = 0u; r < ROWS; r++) { dq[r][i] += dlogits[r] * k; }
      }
    }
  }
  @unroll for (var r = 0u; r < ROWS; r++) {
    let query = firstRow + r * WORKGROUP;
    if (query < uniforms.tokens) {
      let base = rowBase(sample, query) * 3u;
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
        storeDqkv(base, first + i * 4u, first + HEAD_WIDTH, dq[r][i] * uniforms.scale);
      }
    }
  }
}
