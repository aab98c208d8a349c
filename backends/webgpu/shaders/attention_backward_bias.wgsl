// dbias = Σ over samples of ds, each thread PAIRS × PAIRS pairs of query and key. The samples are summed
// in their order, in registers; see attention_backward_queries.wgsl. Rows pass through workgroup memory
// CHUNK quads at a time.

const THREADS = PAIR_THREADS * PAIR_THREADS;
const SIDE = PAIR_THREADS * PAIRS;
const TILE_QUADS = SIDE * CHUNK;

var<workgroup> queries: array<vec4f, TILE_QUADS>;
var<workgroup> gradients: array<vec4f, TILE_QUADS>;
var<workgroup> keys: array<vec4f, TILE_QUADS>;
var<workgroup> values: array<vec4f, TILE_QUADS>;

fn fill(head: u32, sample: u32, corner: vec2u, firstQuad: u32, thread: u32) {
  for (var i = thread; i < TILE_QUADS; i += THREADS) {
    let quad = firstQuad + i % CHUNK;
    let query = corner.y + i / CHUNK;
    let key = corner.x + i / CHUNK;
    let first = head * HEAD_WIDTH;
    queries[i] = vec4f(0.0);
    gradients[i] = vec4f(0.0);
    if (quad < HEAD_QUADS) {
      queries[i] = readQkv(Q, head, sample, query, quad) * uniforms.scale;
      keys[i] = readQkv(K, head, sample, key, quad);
      values[i] = readQkv(V, head, sample, key, quad);
      if (query < uniforms.tokens) {
        gradients[i] = round(loadDy(rowBase(sample, query), first + quad * 4u, first + HEAD_WIDTH));
      }
    }
  }
}

@compute @workgroup_size(PAIR_THREADS, PAIR_THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let head = group.z;
  let corner = group.xy * SIDE;
  let last = uniforms.tokens - 1u;
  var sums: array<array<f32, PAIRS>, PAIRS>;
  for (var sample = 0u; sample < uniforms.samples; sample++) {
    // Written out: Deno sets a variable without a value to zero only once, not each time round.
    var logits = array<array<f32, PAIRS>, PAIRS>();
    var dweights = array<array<f32, PAIRS>, PAIRS>();
    for (var firstQuad = 0u; firstQuad < HEAD_QUADS; firstQuad += CHUNK) {
      workgroupBarrier();
      fill(head, sample, corner, firstQuad, thread);
      workgroupBarrier();
      for (var quad = 0u; quad < CHUNK; quad++) {
        @unroll for (var i = 0u; i < PAIRS; i++) {
          let query = (local.y * PAIRS + i) * CHUNK + quad;
          let q = queries[query];
          let gradient = gradients[query];
          @unroll for (var j = 0u; j < PAIRS; j++) {
            let key = (local.x * PAIRS + j) * CHUNK + quad;
            logits[i][j] += dot(q, keys[key]);
            dweights[i][j] += dot(gradient, values[key]);
          }
        }
      }
    }
    @unroll for (var i = 0u; i < PAIRS; i++) {
      let query = min(corner.y + local.y * PAIRS + i, last);
      let statistic = statisticOf(head, sample, query);
      @unroll for (var j = 0u; j < PAIRS; j++) {
        let key = min(corner.x + local.x * PAIRS + j, last);
        let weight = exp(logits[i][j] + biasOf(head, query, key) - logSums[statistic]);
        sums[i][j] += weight * (dweights[i][j] - deltas[statistic]);
      }
    }
  }
  @unroll for (var i = 0u; i < PAIRS; i++) {
    let query = corner.y + local.y * PAIRS + i;
    @unroll for (var j = 0u; j < PAIRS; j++) {
      let key = corner.x + local.x * PAIRS + j;
      if (query < uniforms.tokens && key < uniforms.tokens) {
        dbias[(head * uniforms.tokens + query) * uniforms.tokens + key] = sums[i][j];
      }
    }
  }
}
