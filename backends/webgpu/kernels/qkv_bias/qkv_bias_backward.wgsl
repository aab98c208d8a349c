// The first and the last third of dy, one number of each a thread.

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let width = uniforms.width;
  if (i >= width) { return; }
  dqBias[i] = dy[i];
  dvBias[i] = dy[2u * width + i];
}
