// y = x + keep·gamma·branch, four columns a thread.

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
  let base = row * width;
  var value = loadBranch(base, column, width);
  if (HAS_GAMMA) { value *= loadGamma(0u, column, width); }
  if (HAS_KEEP) { value *= keep[row / uniforms.tokens]; }
  storeY(base, column, width, loadX(base, column, width) + value);
}
