// Means over rows of a small table of COLUMNS columns, from column FIRST_COLUMN on, by one workgroup.

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = vec2f(0.0);
  for (var row = thread; row < uniforms.rows; row += WORKGROUP) {
    sum += vec2f(table[row * COLUMNS + FIRST_COLUMN], table[row * COLUMNS + FIRST_COLUMN + 1u]);
  }
  let means = sumOverRow(sum, thread) / f32(uniforms.rows);
  if (thread == 0u) {
    first[0] = means.x;
    if (HAS_SECOND) { second[0] = means.y; }
  }
}
