// y[h, i, j] = table[index[i, j], h], one element a thread.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let element = (group.x + group.y * groups.x) * WORKGROUP + thread;
  if (element >= uniforms.pairs * uniforms.heads) { return; }
  let head = element / uniforms.pairs;
  let row = u32(index[element % uniforms.pairs]);
  y[element] = table[row * uniforms.heads + head];
}
