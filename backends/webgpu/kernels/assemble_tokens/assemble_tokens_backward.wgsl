// Gradients of the assembled tokens. Workgroups in three stretches: sums over all rows for the cls and
// mask tokens, sums over samples for the positions, and the patches, which masking cuts off.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = group.x + group.y * groups.x;
  if (index < uniforms.columnGroups) {
    tokenGradients(index, thread);
    return;
  }
  let item = (index - uniforms.columnGroups) * WORKGROUP + thread;
  let row = item / uniforms.quadsPerRow;
  let column = (item % uniforms.quadsPerRow) * 4u;
  if (row < uniforms.positionRows) {
    positionGradient(row, column);
  } else if (row - uniforms.positionRows < uniforms.samples * (uniforms.tokens - 1u)) {
    patchGradient(row - uniforms.positionRows, column);
  }
}

fn tokenGradients(index: u32, thread: u32) {
  let width = uniforms.width;
  let quad = thread % COLUMN_QUADS;
  let lane = thread / COLUMN_QUADS;
  let column = (index * COLUMN_QUADS + quad) * 4u;
  var clsSum = vec4f(0.0);
  var maskSum = vec4f(0.0);
  if (column < width) {
    for (var row = lane; row < uniforms.samples * uniforms.tokens; row += ROW_LANES) {
      let gradient = loadDy(row * width, column, width);
      let token = row % uniforms.tokens;
      if (token == 0u) {
        clsSum += gradient;
      } else if (HAS_MASK) {
        maskSum += gradient * mask[row / uniforms.tokens * (uniforms.tokens - 1u) + token - 1u];
      }
    }
  }
  clsSum = sumOverLanes(clsSum, lane, quad);
  maskSum = sumOverLanes(maskSum, lane, quad);
  if (lane == 0u && column < width) {
    storeDclsToken(0u, column, width, clsSum);
    if (HAS_MASK) { storeDmaskToken(0u, column, width, maskSum); }
  }
}

fn positionGradient(token: u32, column: u32) {
  let width = uniforms.width;
  var sum = vec4f(0.0);
  for (var sample = 0u; sample < uniforms.samples; sample++) {
    sum += loadDy((sample * uniforms.tokens + token) * width, column, width);
  }
  storeDpositions(token * width, column, width, sum);
}

fn patchGradient(patchRow: u32, column: u32) {
  let width = uniforms.width;
  let perSample = uniforms.tokens - 1u;
  let row = patchRow / perSample * uniforms.tokens + patchRow % perSample + 1u;
  var gradient = loadDy(row * width, column, width);
  if (HAS_MASK) { gradient *= 1.0 - mask[patchRow]; }
  storeDpatches(patchRow * width, column, width, gradient);
}
