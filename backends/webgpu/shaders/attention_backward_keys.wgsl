// dk and dv, each thread ROWS keys: dv = Σ_i p_i·dy_i and dk = scale·Σ_i ds_i·q_i over the queries; see
// attention_backward_queries.wgsl.

const TILE_QUADS = QUERY_TILE * HEAD_QUADS;

var<workgroup> queries: array<vec4f, TILE_QUADS>;
var<workgroup> gradients: array<vec4f, TILE_QUADS>;
var<workgroup> tileLogSums: array<f32, QUERY_TILE>;
var<workgroup> tileDeltas: array<f32, QUERY_TILE>;

fn fill(head: u32, sample: u32, firstQuery: u32, thread: u32) {
  let first = head * HEAD_WIDTH;
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
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let head = group.y;
  let sample = group.z;
  let firstRow = group.x * WORKGROUP * ROWS + thread;
  // Rows past the end repeat the last key and store nothing: all threads must reach the barriers.
  let last = uniforms.tokens - 1u;
  var k: array<array<vec4f, HEAD_QUADS>, ROWS>;
  var v: array<array<vec4f, HEAD_QUADS>, ROWS>;
  var dk: array<array<vec4f, HEAD_QUADS>, ROWS>;
  var dv: array<array<vec4f, HEAD_QUADS>, ROWS>;
  @unroll for (var r = 0u; r < ROWS; r++) {
    let key = min(firstRow + r * WORKGROUP, last);
    @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
      k[r][i] = readQkv(K, head, sample, key, i) * uniforms.scale;
      v[r][i] = readQkv(V, head, sample, key, i);
    }
  }
  for (var firstQuery = 0u; firstQuery < uniforms.tokens; firstQuery += QUERY_TILE) {
    workgroupBarrier();
    fill(head, sample, firstQuery, thread);
    workgroupBarrier();
    let count = min(QUERY_TILE, uniforms.tokens - firstQuery);
    for (var query = 0u; query < count; query++) {
      var weights = array<f32, ROWS>();
      var dlogits = array<f32, ROWS>();
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
        let q = queries[query * HEAD_QUADS + i];
        let gradient = gradients[query * HEAD_QUADS + i];
        @unroll for (var r = 0u; r < ROWS; r++) {
          weights[r] += dot(k[r][i], q);
          dlogits[r] += dot(v[r][i], gradient);
        }
      }
      @unroll for (var r = 0u; r < ROWS; r++) {
        let key = min(firstRow + r * WORKGROUP, last);
        let logit = weights[r] + biasOf(head, firstQuery + query, key);
        weights[r] = exp(logit - tileLogSums[query]);
        dlogits[r] = weights[r] * (dlogits[r] - tileDeltas[query]);
      }
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
        let q = queries[query * HEAD_QUADS + i];
        let gradient = gradients[query * HEAD_QUADS + i];
        @unroll for (var r = 0u; r < ROWS; r++) {
          dk[r][i] += dlogits[r] * q;
          dv[r][i] += weights[r] * gradient;
        }
      }
    }
  }
  let width = uniforms.heads * HEAD_WIDTH;
  @unroll for (var r = 0u; r < ROWS; r++) {
    let key = firstRow + r * WORKGROUP;
    if (key < uniforms.tokens) {
      let base = rowBase(sample, key) * 3u;
      @unroll for (var i = 0u; i < HEAD_QUADS; i++) {
        let column = head * HEAD_WIDTH + i * 4u;
        let end = (head + 1u) * HEAD_WIDTH;
        storeDqkv(base, width + column, width + end, dk[r][i] * uniforms.scale);
        storeDqkv(base, 2u * width + column, 2u * width + end, dv[r][i]);
      }
    }
  }
}
