// One code per workgroup: the mean of its rows as a unit vector (its old vector if it has no rows), blended
// into the codebook and rescaled to unit length; its size is blended in the same way.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let code = group.x + group.y * groups.x;
  if (code >= uniforms.codes) { return; }
  let width = uniforms.width;
  let base = code * width;
  let count = counts[code];
  let perRow = 1.0 / max(count, 1.0);
  var squares = vec2f(0.0);
  for (var column = thread * 4u; column < width; column += WORKGROUP * 4u) {
    let mean = loadSums(base, column, width) * perRow;
    squares.x += dot(mean, mean);
  }
  let toUnit = perRow / sqrt(max(sumOverRow(squares, thread).x, 1e-24));
  squares = vec2f(0.0);
  for (var column = thread * 4u; column < width; column += WORKGROUP * 4u) {
    let mixed = blended(base, column, toUnit, count > 0.0);
    squares.x += dot(mixed, mixed);
  }
  let inverse = 1.0 / sqrt(max(sumOverRow(squares, thread).x, 1e-24));
  for (var column = thread * 4u; column < width; column += WORKGROUP * 4u) {
    storeNewCodebook(base, column, width, blended(base, column, toUnit, count > 0.0) * inverse);
  }
  if (thread == 0u) {
    newClusterSize[code] = clusterSize[code] * uniforms.decay + count * uniforms.rest;
  }
}

fn blended(base: u32, column: u32, toUnit: f32, isHit: bool) -> vec4f {
  let old = loadCodebook(base, column, uniforms.width);
  let fresh = loadSums(base, column, uniforms.width) * toUnit;
  return old * uniforms.decay + select(old, fresh, isHit) * uniforms.rest;
}
