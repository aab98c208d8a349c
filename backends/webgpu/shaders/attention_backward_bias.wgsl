// dbias = Σ over samples of ds, each thread one pair of query and key. The samples are summed in
// their order, in a register; see attention_backward_queries.wgsl.

const TILE_QUADS = PAIR_TILE * HEAD_QUADS;

var<workgroup> queries: array<vec4f, TILE_QUADS>;
var<workgroup> gradients: array<vec4f, TILE_QUADS>;
var<workgroup> keys: array<vec4f, TILE_QUADS>;
var<workgroup> values: array<vec4f, TILE_QUADS>;

@compute @workgroup_size(PAIR_TILE, PAIR_TILE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let head = group.z;
  let firstQuery = group.y * PAIR_TILE;
  let firstKey = group.x * PAIR_TILE;
  let isPair = firstQuery + local.y < uniforms.tokens && firstKey + local.x < uniforms.tokens;
  let query = min(firstQuery + local.y, uniforms.tokens - 1u);
  let key = min(firstKey + local.x, uniforms.tokens - 1u);
  let first = head * HEAD_WIDTH;
  var sum = 0.0;
  for (var sample = 0u; sample < uniforms.samples; sample++) {
    workgroupBarrier();
    for (var i = thread; i < TILE_QUADS; i += PAIR_TILE * PAIR_TILE) {
      let row = i / HEAD_QUADS;
      let quad = i % HEAD_QUADS;
      queries[i] = readQkv(Q, head, sample, firstQuery + row, quad) * uniforms.scale;
      keys[i] = readQkv(K, head, sample, firstKey + row, quad);
      values[i] = readQkv(V, head, sample, firstKey + row, quad);
      if (firstQuery + row < uniforms.tokens) {
        let base = rowBase(sample, firstQuery + row);
        gradients[i] = round(loadDy(base, first + quad * 4u, first + HEAD_WIDTH));
      }
    }
    workgroupBarrier();
    var logit = biasOf(head, query, key);
    var dweight = 0.0;
    for (var i = 0u; i < HEAD_QUADS; i++) {
      logit += dot(queries[local.y * HEAD_QUADS + i], keys[local.x * HEAD_QUADS + i]);
      dweight += dot(gradients[local.y * HEAD_QUADS + i], values[local.x * HEAD_QUADS + i]);
    }
    let statistic = statisticOf(head, sample, query);
    sum += exp(logit - logSums[statistic]) * (dweight - deltas[statistic]);
  }
  if (isPair) { dbias[(head * uniforms.tokens + query) * uniforms.tokens + key] = sum; }
}
