// dk and dv, each thread one key: dv = Σ_i p_i·dy_i and dk = scale·Σ_i ds_i·q_i over the queries; see
// attention_backward_queries.wgsl.

const TILE_QUADS = QUERY_TILE * HEAD_QUADS;

var<workgroup> queries: array<vec4f, TILE_QUADS>;
var<workgroup> gradients: array<vec4f, TILE_QUADS>;
var<workgroup> tileLogSums: array<f32, QUERY_TILE>;
var<workgroup> tileDeltas: array<f32, QUERY_TILE>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  // Threads past the end repeat the last key and store nothing: all must reach the barriers.
  let own = group.x * WORKGROUP + thread;
  let key = min(own, uniforms.tokens - 1u);
  let head = group.y;
  let sample = group.z;
  let isKey = own < uniforms.tokens;
  let width = uniforms.heads * HEAD_WIDTH;
  let first = head * HEAD_WIDTH;
  var k: array<vec4f, HEAD_QUADS>;
  var v: array<vec4f, HEAD_QUADS>;
  var dk: array<vec4f, HEAD_QUADS>;
  var dv: array<vec4f, HEAD_QUADS>;
  @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
    k[i] = readQkv(K, head, sample, key, i) * uniforms.scale;
    v[i] = readQkv(V, head, sample, key, i);
  }
  for (var firstQuery = 0u; firstQuery < uniforms.tokens; firstQuery += QUERY_TILE) {
    workgroupBarrier();
    for (var i = thread; i < TILE_QUADS; i += WORKGROUP) {
      let query = firstQuery + i / HEAD_QUADS;
      let quad = i % HEAD_QUADS;
      queries[i] = readQkv(Q, head, sample, query, quad);
      if (query < uniforms.tokens) {
        gradients[i] = round(loadDy(rowBase(sample, query), first + quad * 4u, first + HEAD_WIDTH));
      }
    }
    if (thread < QUERY_TILE && firstQuery + thread < uniforms.tokens) {
      let statistic = statisticOf(head, sample, firstQuery + thread);
      tileLogSums[thread] = logSums[statistic];
      tileDeltas[thread] = deltas[statistic];
    }
    workgroupBarrier();
    let count = min(QUERY_TILE, uniforms.tokens - firstQuery);
    for (var query = 0u; query < count; query++) {
      var logit = biasOf(head, firstQuery + query, key);
      var dweight = 0.0;
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
        logit += dot(k[i], queries[query * HEAD_QUADS + i]);
        dweight += dot(v[i], gradients[query * HEAD_QUADS + i]);
      }
      let weight = exp(logit - tileLogSums[query]);
      let dlogit = weight * (dweight - tileDeltas[query]);
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
        dk[i] += dlogit * queries[query * HEAD_QUADS + i];
        dv[i] += weight * gradients[query * HEAD_QUADS + i];
      }
    }
  }
  if (!isKey) { return; }
  let base = rowBase(sample, key) * 3u;
  @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
    let column = first + i * 4u;
    let end = first + HEAD_WIDTH;
    storeDqkv(base, width + column, width + end, dk[i] * uniforms.scale);
    storeDqkv(base, 2u * width + column, 2u * width + end, dv[i]);
  }
}
