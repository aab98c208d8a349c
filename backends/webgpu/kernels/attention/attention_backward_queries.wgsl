// From ds, which the pass over the keys kept for every pair:
//   dq = scale·Σ_j ds_j·k_j, a tile of queries for each of the first workgroups of a head and sample
//   dbias = Σ ds over samples, in their order, a quad of keys for each thread of the others
// ACCUMULATE adds to dbias, HAS_ADDED what is in `added` as well.

const QUERY_TILE = LEFT_TILE_QUADS * 4u;

fn readRow(source: u32, place: Place, token: u32, quad: u32) -> vec4f {
  if (source != PAIRS) { return readQkv(source, place, token, quad); }
  let base = pairRow(place.head, place.sample - uniforms.firstSample, tokenBefore(token));
  let last = uniforms.pairWidth / 4u - 1u;
  let value = loadPairs(base, min(quad, last) * 4u, uniforms.pairWidth);
  return select(vec4f(0.0), value, quad <= last);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (group.x >= uniforms.queryTiles) {
    let index = (group.x - uniforms.queryTiles) * uniforms.samples + group.z;
    sumBias(group.y, index * THREADS + thread);
    return;
  }
  let place = Place(group.y, group.z + uniforms.firstSample);
  let firstQuery = group.x * QUERY_TILE;
  let out = vec2u(thread / OUT_RIGHT_THREADS % OUT_LEFT_THREADS, thread % OUT_RIGHT_THREADS);
  let worker = Worker(thread, out, out);
  var sums: OutputSums;
  for (var firstKey = 0u; firstKey < uniforms.tokens; firstKey += POSITIONS) {
    workgroupBarrier();
    fillLeft(PAIRS, place, firstQuery, firstKey / 4u, thread);
    fillRows(K, place, firstKey, thread);
    workgroupBarrier();
    multiplyOutputs(&sums, worker, firstQuery + out.x * 4u < uniforms.tokens);
  }
  let dq = outputsOf(&sums, worker);
  let first = place.head * HEAD_WIDTH;
  @unroll for (var i = 0u; i < OUT_LEFT_ROWS; i++) {
    let query = firstQuery + rowIn(i, OUT_LEFT_THREADS, out.x);
    if (query < uniforms.tokens) {
      let base = rowBase(place, query) * 3u;
      @unroll for (var j = 0u; j < OUT_RIGHT_MICRO; j++) {
        let quad = j * OUT_RIGHT_THREADS + out.y;
        if (quad < HEAD_QUADS) {
          storeDqkv(base, first + quad * 4u, first + HEAD_WIDTH, dq[i][j] * uniforms.scale);
        }
      }
    }
  }
}

fn sumBias(head: u32, index: u32) {
  let quads = uniforms.pairWidth / 4u;
  let query = index / quads;
  let key = index % quads * 4u;
  if (query >= uniforms.tokens) { return; }
  var sum = vec4f(0.0);
  // Four samples at a time, so that as many loads are under way.
  for (var first = 0u; first < uniforms.samples; first += 4u) {
    @unroll for (var i = 0u; i < 4; i++) {
      let sample = min(first + i, uniforms.samples - 1u);
      let value = loadPairs(pairRow(head, sample, query), key, uniforms.pairWidth);
      sum += select(vec4f(0.0), value, first + i < uniforms.samples);
    }
  }
  @unroll for (var c = 0u; c < 4; c++) {
    if (key + c < uniforms.tokens) {
      let at = biasRow(head, query) + key + c;
      if (ACCUMULATE) { sum[c] += dbias[at]; }
      if (HAS_ADDED) { sum[c] += added[at]; }
      dbias[at] = sum[c];
    }
  }
}
