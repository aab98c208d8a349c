// softmax(scale·q·kᵀ + bias)·v without the N × N matrix: each thread owns a query and walks over the
// keys, a tile at a time, with the running maximum and sum of the softmax. What it keeps for the
// backward pass is the logarithm of the sum.

const TILE_QUADS = KEY_TILE * HEAD_QUADS;

var<workgroup> keys: array<vec4f, TILE_QUADS>;
var<workgroup> values: array<vec4f, TILE_QUADS>;
var<workgroup> logits: array<f32, KEY_TILE * WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  // Threads past the end repeat the last query and store nothing: all must reach the barriers.
  let own = group.x * WORKGROUP + thread;
  let query = min(own, uniforms.tokens - 1u);
  let head = group.y;
  let sample = group.z;
  let isQuery = own < uniforms.tokens;
  var q: array<vec4f, HEAD_QUADS>;
  var y: array<vec4f, HEAD_QUADS>;
  @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
    q[i] = readQkv(Q, head, sample, query, i) * uniforms.scale;
  }
  var highest = -3.0e38;
  var sum = 0.0;
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
      var logit = biasOf(head, query, firstKey + key);
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
        logit += dot(q[i], keys[key * HEAD_QUADS + i]);
      }
      logits[key * WORKGROUP + thread] = logit;
      tileHighest = max(tileHighest, logit);
    }
    let shrink = exp(highest - tileHighest);
    highest = tileHighest;
    sum *= shrink;
    @unroll for (var i = 0u; i < HEAD_QUADS; i++) { y[i] *= shrink; }
    for (var key = 0u; key < count; key++) {
      let weight = exp(logits[key * WORKGROUP + thread] - highest);
      sum += weight;
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) { y[i] += weight * values[key * HEAD_QUADS + i]; }
    }
  }
  if (!isQuery) { return; }
  let base = rowBase(sample, query);
  let first = head * HEAD_WIDTH;
  @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
    storeY(base, first + i * 4u, first + HEAD_WIDTH, y[i] / sum);
  }
  logSums[statisticOf(head, sample, query)] = highest + log(sum);
}
