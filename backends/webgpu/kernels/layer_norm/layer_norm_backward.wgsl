// Gradients of layer norm. The first workgroups sum over rows for weight and bias, a few columns
// each; the others compute dx, a row for every ROW_THREADS threads, plus the tensor `added`.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = group.x + group.y * groups.x;
  if (index < uniforms.columnGroups) {
    parameterGradients(index, thread);
  } else {
    let first = (index - uniforms.columnGroups) * (WORKGROUP / ROW_THREADS);
    inputGradient(first + thread / ROW_THREADS, thread);
  }
}

fn parameterGradients(index: u32, thread: u32) {
  let width = uniforms.width;
  let quad = thread % COLUMN_QUADS;
  let lane = thread / COLUMN_QUADS;
  let column = (index * COLUMN_QUADS + quad) * 4u;
  var weightSum = vec4f(0.0);
  var biasSum = vec4f(0.0);
  if (column < width) {
    for (var first = lane; first < uniforms.rows; first += ROW_LANES * 4u) {
      // Four rows at a time, so that their loads do not wait for one another.
      @unroll for (var i = 0u; i < 4; i++) {
        let row = min(first + i * ROW_LANES, uniforms.rows - 1u);
        let dy = loadDy(row * width, column, width);
        let normalized = (loadX(row * width, column, width) - statistics[row * 2u]) *
          statistics[row * 2u + 1u];
        let gradient = select(vec4f(0.0), dy, first + i * ROW_LANES < uniforms.rows);
        weightSum += gradient * normalized;
        biasSum += gradient;
      }
    }
  }
  weightSum = sumOverLanes(weightSum, lane, quad);
  biasSum = sumOverLanes(biasSum, lane, quad);
  if (lane == 0u && column < width) {
    storeDweight(0u, column, width, weightSum);
    storeDbias(0u, column, width, biasSum);
  }
}

fn inputGradient(index: u32, thread: u32) {
  let width = uniforms.width;
  let lane = thread % ROW_THREADS;
  // Past the last row it is repeated, for all threads must reach the barriers, and not stored.
  let row = min(index, uniforms.rows - 1u);
  let base = row * width;
  let mean = statistics[row * 2u];
  let inverse = statistics[row * 2u + 1u];
  var sums = vec2f(0.0);
  for (var column = lane * 4u; column < width; column += ROW_THREADS * 4u) {
    let scaled = loadDy(base, column, width) * loadWeight(0u, column, width);
    let normalized = (loadX(base, column, width) - mean) * inverse;
    sums += vec2f(total(scaled), dot(scaled, normalized));
  }
  let means = sumOverNeighbours(sums, thread, ROW_THREADS) / f32(width);
  if (index >= uniforms.rows) { return; }
  for (var column = lane * 4u; column < width; column += ROW_THREADS * 4u) {
    let scaled = loadDy(base, column, width) * loadWeight(0u, column, width);
    let normalized = (loadX(base, column, width) - mean) * inverse;
    var gradient = inverse * (scaled - means.x - normalized * means.y);
    if (HAS_ADDED) { gradient += loadAdded(base, column, width); }
    storeDx(base, column, width, gradient);
  }
}
