// dq, each thread one query: dq = scale·Σ_j ds_j·k_j with ds_j = p_j·(dy·v_j - delta), where
// p_j = exp(logit_j - logSum) and delta = dy·y. delta is kept for the passes over keys and bias.

const TILE_QUADS = KEY_TILE * HEAD_QUADS;

var<workgroup> keys: array<vec4f, TILE_QUADS>;
var<workgroup> values: array<vec4f, TILE_QUADS>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  // Threads past the end repeat the last query and store nothing: all must reach the barriers.
  let own = group.x * WORKGROUP + thread;
  let query = min(own, uniforms.tokens - 1u);
  let head = group.y;
  let sample = group.z;
  let isQuery = own < uniforms.tokens;
  let base = rowBase(sample, query);
  let first = head * HEAD_WIDTH;
  let statistic = statisticOf(head, sample, query);
  let logSum = logSums[statistic];
  var q: array<vec4f, HEAD_QUADS>;
  var gradient: array<vec4f, HEAD_QUADS>;
  var dq: array<vec4f, HEAD_QUADS>;
  var delta = 0.0;
  @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
    q[i] = readQkv(Q, head, sample, query, i) * uniforms.scale;
    gradient[i] = round(loadDy(base, first + i * 4u, first + HEAD_WIDTH));
    delta += dot(gradient[i], loadY(base, first + i * 4u, first + HEAD_WIDTH));
  }
  if (isQuery) { deltas[statistic] = delta; }
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
      var logit = biasOf(head, query, firstKey + key);
      var dweight = 0.0;
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
        logit += dot(q[i], keys[key * HEAD_QUADS + i]);
        dweight += dot(gradient[i], values[key * HEAD_QUADS + i]);
      }
      let dlogit = exp(logit - logSum) * (dweight - delta);
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) { dq[i] += dlogit * keys[key * HEAD_QUADS + i]; }
    }
  }
  if (!isQuery) { return; }
  @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
    storeDqkv(base * 3u, first + i * 4u, first + HEAD_WIDTH, dq[i] * uniforms.scale);
  }
}
