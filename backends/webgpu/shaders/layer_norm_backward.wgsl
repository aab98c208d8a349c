// Gradients of layer norm. The first workgroups sum over rows for weight and bias, a few columns
// each; the others compute dx, one row each, plus the tensor `added`.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = group.x + group.y * groups.x;
  if (index < uniforms.columnGroups) {
    parameterGradients(index, thread);
  } else if (index - uniforms.columnGroups < uniforms.rows) {
    inputGradient(index - uniforms.columnGroups, thread);
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
    for (var row = lane; row < uniforms.rows; row += ROW_LANES) {
      let base = row * width;
      let gradient = loadDy(base, column, width);
      let normalized = (loadX(base, column, width) - statistics[row * 2u]) *
        statistics[row * 2u + 1u];
      weightSum += gradient * normalized;
      biasSum += gradient;
    }
  }
  weightSum = sumOverLanes(weightSum, lane, quad);
  biasSum = sumOverLanes(biasSum, lane, quad);
  if (lane == 0u && column < width) {
    storeDweight(0u, column, width, weightSum);
    storeDbias(0u, column, width, biasSum);
  }
}

fn inputGradient(row: u32, thread: u32) {
  let width = uniforms.width;
  let base = row * width;
  let mean = statistics[row * 2u];
  let inverse = statistics[row * 2u + 1u];
  var sums = vec2f(0.0);
  for (var column = thread * 4u; column < width; column += WORKGROUP * 4u) {
    let scaled = loadDy(base, column, width) * loadWeight(0u, column, width);
    let normalized = (loadX(base, column, width) - mean) * inverse;
    sums += vec2f(total(scaled), dot(scaled, normalized));
  }
  let means = sumOverRow(sums, thread) / f32(width);
  for (var column = thread * 4u; column < width; column += WORKGROUP * 4u) {
    let scaled = loadDy(base, column, width) * loadWeight(0u, column, width);
    let normalized = (loadX(base, column, width) - mean) * inverse;
    var gradient = inverse * (scaled - means.x - normalized * means.y);
    if (HAS_ADDED) { gradient += loadAdded(base, column, width); }
    storeDx(base, column, width, gradient);
  }
}
