// Rows of x at the given positions, four columns a thread; SCATTER puts rows back where they were.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = (group.x + group.y * groups.x) * WORKGROUP + thread;
  let row = index / uniforms.quadsPerRow;
  let column = (index % uniforms.quadsPerRow) * 4u;
  if (row >= uniforms.rows) { return; }
  let width = uniforms.width;
  var source = row;
  var destination = u32(positions[row]);
  if (!SCATTER) {
    source = destination;
    destination = row;
  }
  storeY(destination * width, column, width, loadX(source * width, column, width));
}
