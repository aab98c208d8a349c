// softmax(scale·q·kᵀ + bias)·v without the N × N matrix: a workgroup owns a tile of queries and walks
// over the keys, a tile at a time, with the running maximum and sum of the softmax. What it keeps for
// the backward pass is the logarithm of the sum.
//
// Pairs are [keys][queries]. All threads of a query know its maximum; its sum is divided among them.

const QUERY_TILE_QUADS = RIGHT_THREADS * RIGHT_MICRO;
const QUERY_TILE = QUERY_TILE_QUADS * 4u;
const KEY_TILE = LEFT_THREADS * LEFT_ROWS;

// Of each of the threads of a query; neighbours in a subgroup need none.
var<workgroup> partial: array<array<vec4f, QUERY_TILE_QUADS>, LEFT_THREADS>;
// For each query: the factor for its sums so far, and finally its whole sum.
var<workgroup> factors: array<vec4f, QUERY_TILE_QUADS>;

fn readRow(source: u32, place: Place, token: u32, quad: u32) -> vec4f {
  return readQkv(source, place, token, quad);
}

fn biasesOf(rows: vec4u, key: u32) -> vec4f {
  if (!HAS_BIAS) { return vec4f(0.0); }
  let at = rows + tokenBefore(key);
  return vec4f(bias[at.x], bias[at.y], bias[at.z], bias[at.w]);
}

alias Statistics = array<vec4f, RIGHT_MICRO>;

fn keepStatistics(own: ptr<function, Statistics>, at: vec2u) {
  @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
    partial[at.x][j * RIGHT_THREADS + at.y] = (*own)[j];
  }
  workgroupBarrier();
}

// The maximum over the threads of each query.
fn highestOfQueries(own: ptr<function, Statistics>, at: vec2u) {
  if (LEFT_THREADS <= SUBGROUP) {
    for (var step = LEFT_THREADS / 2u; step > 0u; step /= 2u) {
      @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
        (*own)[j] = max((*own)[j], ofLane4((*own)[j], step));
      }
    }
    return;
  }
  keepStatistics(own, at);
  @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
    let query = j * RIGHT_THREADS + at.y;
    @unroll for (var n = 0u; n < LEFT_THREADS; n++) {
      (*own)[j] = max((*own)[j], partial[n][query]);
    }
  }
}

// The sum over the threads of each query, for the first of them: in the same order with subgroups and without.
fn totalOfQueries(own: ptr<function, Statistics>, at: vec2u) {
  if (LEFT_THREADS <= SUBGROUP) {
    for (var step = LEFT_THREADS / 2u; step > 0u; step /= 2u) {
      @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
        (*own)[j] += ofLane4((*own)[j], step);
      }
    }
    return;
  }
  for (var step = LEFT_THREADS / 2u; step > 0u; step /= 2u) {
    keepStatistics(own, at);
    @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
      (*own)[j] += partial[(at.x + step) % LEFT_THREADS][j * RIGHT_THREADS + at.y];
    }
    workgroupBarrier();
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let place = Place(group.y, group.z);
  let firstQuery = group.x * QUERY_TILE;
  let at = vec2u(thread % LEFT_THREADS, thread / LEFT_THREADS % RIGHT_THREADS);
  let out = vec2u(thread / OUT_RIGHT_THREADS % OUT_LEFT_THREADS, thread % OUT_RIGHT_THREADS);
  let worker = Worker(thread, at, out);
  var outputs = Outputs();
  var highest: Statistics;
  var sum: Statistics;
  var rows: array<vec4u, RIGHT_MICRO>;
  @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
    highest[j] = vec4f(-3.0e38);
    sum[j] = vec4f(0.0);
    let query = firstQuery + (j * RIGHT_THREADS + at.y) * 4u;
    @unroll for (var c = 0u; c < 4; c++) { rows[j][c] = biasRow(place.head, query + c); }
  }
  for (var firstKey = 0u; firstKey < uniforms.tokens; firstKey += KEY_TILE) {
    var weights = Pairs();
    @unroll for (var i = 0u; i < LEFT_ROWS; i++) {
      let key = firstKey + rowIn(i, LEFT_THREADS, at.x);
      @unroll for (var j = 0u; j < RIGHT_MICRO; j++) { weights[i][j] = biasesOf(rows[j], key); }
    }
    for (var quad = 0u; quad < HEAD_QUADS; quad += CHANNEL_QUADS) {
      workgroupBarrier();
      fillLeft(K, place, firstKey, quad, thread);
      fillRight(Q, place, firstQuery, quad, thread);
      workgroupBarrier();
      multiplyPairs(&weights, worker, firstQuery + at.y * 4u < uniforms.tokens, lateScale());
    }

    var top = highest;
    @unroll for (var i = 0u; i < LEFT_ROWS; i++) {
      let isKey = firstKey + rowIn(i, LEFT_THREADS, at.x) < uniforms.tokens;
      @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
        weights[i][j] = select(vec4f(-3.0e38), weights[i][j], isKey);
        top[j] = max(top[j], weights[i][j]);
      }
    }
    highestOfQueries(&top, at);
    @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
      let query = j * RIGHT_THREADS + at.y;
      let shrink = exp(highest[j] - top[j]);
      highest[j] = top[j];
      sum[j] *= shrink;
      if (at.x == 0u) { factors[query] = shrink; }
      @unroll for (var i = 0u; i < LEFT_ROWS; i++) {
        weights[i][j] = exp(weights[i][j] - top[j]);
        sum[j] += weights[i][j];
      }
    }

    for (var part = 0u; part < LEFT_MICRO; part++) {
      let first = firstKey + part * POSITIONS;
      if (first >= uniforms.tokens) { break; }
      workgroupBarrier();
      keepPairs(&weights, part, worker);
      fillRows(V, place, first, thread);
      if (part == 0u) {
        @unroll for (var i = 0u; i < OUT_LEFT_ROWS; i++) {
          let shrink = factors[i / 4u * OUT_LEFT_THREADS + out.x][i % 4u];
          @unroll for (var j = 0u; j < OUT_RIGHT_MICRO; j++) { outputs[i][j] *= shrink; }
        }
      }
      workgroupBarrier();
      addOutputs(&outputs, worker, firstQuery + out.x * 4u < uniforms.tokens);
    }
  }

  workgroupBarrier();
  totalOfQueries(&sum, at);
  if (at.x == 0u) {
    @unroll for (var j = 0u; j < RIGHT_MICRO; j++) {
      let query = j * RIGHT_THREADS + at.y;
      factors[query] = sum[j];
      let logSum = highest[j] + log(sum[j]);
      @unroll for (var c = 0u; c < 4; c++) {
        let token = firstQuery + query * 4u + c;
        if (token < uniforms.tokens) { logSums[statisticOf(place, token)] = logSum[c]; }
      }
    }
  }
  workgroupBarrier();
  let first = place.head * HEAD_WIDTH;
  @unroll for (var i = 0u; i < OUT_LEFT_ROWS; i++) {
    let query = rowIn(i, OUT_LEFT_THREADS, out.x);
    let total = factors[query / 4u][i % 4u];
    if (firstQuery + query < uniforms.tokens) {
      let base = rowBase(place, firstQuery + query);
      @unroll for (var j = 0u; j < OUT_RIGHT_MICRO; j++) {
        let quad = j * OUT_RIGHT_THREADS + out.y;
        if (quad < HEAD_QUADS) {
          storeY(base, first + quad * 4u, first + HEAD_WIDTH, outputs[i][j] / total);
        }
      }
    }
  }
}
