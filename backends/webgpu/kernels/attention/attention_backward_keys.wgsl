// dv = Σ_i p_i·dy_i and dk = scale·Σ_i ds_i·q_i over the queries i: a workgroup owns a tile of keys and
// walks over the queries, a tile at a time. p = exp(logit - logSum) and ds = p·(dy·v - delta); ds is
// kept for the pass over the queries.
//
// Pairs are [queries][keys].

const KEY_TILE = RIGHT_THREADS * RIGHT_MICRO * 4u;
const QUERY_TILE = LEFT_THREADS * LEFT_ROWS;

fn readRow(source: u32, place: Place, token: u32, quad: u32) -> vec4f {
  if (source != DY) { return readQkv(source, place, token, quad); }
  let first = place.head * HEAD_WIDTH;
  let column = first + min(quad, HEAD_QUADS - 1u) * 4u;
  let value = loadDy(rowBase(place, tokenBefore(token)), column, first + HEAD_WIDTH);
  return select(vec4f(0.0), rounded(value, ROUND), quad < HEAD_QUADS);
}

fn biasesOf(row: u32, key: u32) -> vec4f {
  if (!HAS_BIAS) { return vec4f(0.0); }
  return vec4f(
    bias[row + tokenBefore(key)],
    bias[row + tokenBefore(key + 1u)],
    bias[row + tokenBefore(key + 2u)],
    bias[row + tokenBefore(key + 3u)],
  );
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let place = Place(group.y, group.z + uniforms.firstSample);
  let firstKey = group.x * KEY_TILE;
  let at = vec2u(thread / RIGHT_THREADS % LEFT_THREADS, thread % RIGHT_THREADS);
  let out = vec2u(thread / OUT_RIGHT_THREADS % OUT_LEFT_THREADS, thread % OUT_RIGHT_THREADS);
  let worker = Worker(thread, at, out);
  var dkSums: OutputSums;
  var dvSums: OutputSums;
  for (var firstQuery = 0u; firstQuery < uniforms.tokens; firstQuery += QUERY_TILE) {
    var weights = Pairs();
    var dlogits = Pairs();
    @unroll for (var i = 0u; i < LEFT_ROWS; i++) {
      let query = firstQuery + rowIn(i, LEFT_THREADS, at.x);
      let row = biasRow(place.head, query);
      let logSum = logSums[statisticOf(place, query)];
      let delta = deltas[statisticOf(place, query)];
      @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
        let key = firstKey + (j * RIGHT_THREADS + at.y) * 4u;
        weights[i][j] = biasesOf(row, key) - logSum;
        dlogits[i][j] = vec4f(-delta);
      }
    }
    let isBusy = firstQuery + at.x * 4u < uniforms.tokens;
    for (var quad = 0u; quad < HEAD_QUADS; quad += CHANNEL_QUADS) {
      workgroupBarrier();
      fillLeft(Q, place, firstQuery, quad, thread);
      fillRight(K, place, firstKey, quad, thread);
      workgroupBarrier();
      multiplyPairs(&weights, worker, isBusy, lateScale());
    }
    for (var quad = 0u; quad < HEAD_QUADS; quad += CHANNEL_QUADS) {
      workgroupBarrier();
      fillLeft(DY, place, firstQuery, quad, thread);
      fillRight(V, place, firstKey, quad, thread);
      workgroupBarrier();
      multiplyPairs(&dlogits, worker, isBusy, 1.0);
    }

    @unroll for (var i = 0u; i < LEFT_ROWS; i++) {
      let query = firstQuery + rowIn(i, LEFT_THREADS, at.x);
      @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
        let key = firstKey + (j * RIGHT_THREADS + at.y) * 4u;
        let end = select(0u, uniforms.tokens, query < uniforms.tokens);
        let isPair = key + vec4u(0u, 1u, 2u, 3u) < vec4u(end);
        weights[i][j] = select(vec4f(0.0), exp(weights[i][j]), isPair);
        dlogits[i][j] = select(vec4f(0.0), dlogits[i][j] * weights[i][j], isPair);
        if (key < end) {
          storePairs(pairRow(place.head, group.z, query), key, uniforms.pairWidth, dlogits[i][j]);
        }
      }
    }

    let isBusyOut = firstKey + out.x * 4u < uniforms.tokens;
    for (var part = 0u; part < LEFT_MICRO; part++) {
      let first = firstQuery + part * POSITIONS;
      if (first >= uniforms.tokens) { break; }
      workgroupBarrier();
      keepPairs(&weights, part, worker);
      fillRows(DY, place, first, thread);
      workgroupBarrier();
      multiplyOutputs(&dvSums, worker, isBusyOut);
      workgroupBarrier();
      keepPairs(&dlogits, part, worker);
      fillRows(Q, place, first, thread);
      workgroupBarrier();
      multiplyOutputs(&dkSums, worker, isBusyOut);
    }
  }

  let dk = outputsOf(&dkSums, worker);
  let dv = outputsOf(&dvSums, worker);
  let width = uniforms.heads * HEAD_WIDTH;
  let begin = place.head * HEAD_WIDTH;
  @unroll for (var i = 0u; i < OUT_LEFT_ROWS; i++) {
    let key = firstKey + rowIn(i, OUT_LEFT_THREADS, out.x);
    if (key < uniforms.tokens) {
      let base = rowBase(place, key) * 3u;
      @unroll for (var j = 0u; j < OUT_RIGHT_MICRO; j++) {
        let quad = j * OUT_RIGHT_THREADS + out.y;
        if (quad < HEAD_QUADS) {
          let column = begin + quad * 4u;
          let end = begin + HEAD_WIDTH;
          storeDqkv(base, width + column, width + end, dk[i][j] * lateScale());
          storeDqkv(base, 2u * width + column, 2u * width + end, dv[i][j]);
        }
      }
    }
  }
}
