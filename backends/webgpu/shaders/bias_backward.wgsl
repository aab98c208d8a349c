// dbias = Σ dz over rows, or added to it; a workgroup sums a few columns.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let width = uniforms.width;
  let quad = thread % COLUMN_QUADS;
  let lane = thread / COLUMN_QUADS;
  let column = (group.x * COLUMN_QUADS + quad) * 4u;
  var sum = vec4f(0.0);
  if (column < width) {
    for (var row = lane; row < uniforms.rows; row += ROW_LANES) {
      sum += loadDz(row * width, column, width);
    }
  }
  sum = sumOverLanes(sum, lane, quad);
  if (lane == 0u && column < width) {
    if (ACCUMULATE) { sum += loadDbias(0u, column, width); }
    storeDbias(0u, column, width, sum);
  }
}
