// y = (x - mean) / sqrt(variance + epsilon) · weight + bias; one workgroup per row. Writes (mean, 1
// / deviation) of each row for the backward pass. firstX (in the prepended file) returns x the
// first time it is read.

// 1 for the columns that exist, 0 past the end of the row.
fn inRow(column: u32) -> vec4f {
  return select(vec4f(0.0), vec4f(1.0), vec4u(column) + vec4u(0, 1, 2, 3) < vec4u(uniforms.width));
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = group.x + group.y * groups.x;
  if (row >= uniforms.rows) { return; }
  let width = uniforms.width;
  let base = row * width;
  var sum = vec2f(0.0);
  for (var column = thread * 4u; column < width; column += WORKGROUP * 4u) {
    sum.x += total(firstX(row, column));
  }
  let mean = sumOverRow(sum, thread).x / f32(width);
  // A second pass over centred values: the difference of squares loses digits.
  sum = vec2f(0.0);
  for (var column = thread * 4u; column < width; column += WORKGROUP * 4u) {
    let centred = (loadX(base, column, width) - mean) * inRow(column);
    sum.x += dot(centred, centred);
  }
  let variance = sumOverRow(sum, thread).x / f32(width);
  let inverse = inverseSqrt(variance + uniforms.epsilon);
  for (var column = thread * 4u; column < width; column += WORKGROUP * 4u) {
    let normalized = (loadX(base, column, width) - mean) * inverse;
    let value = normalized * loadWeight(0u, column, width) + loadBias(0u, column, width);
    storeY(base, column, width, value);
  }
  if (thread == 0u) {
    statistics[row * 2u] = mean;
    statistics[row * 2u + 1u] = inverse;
  }
}
