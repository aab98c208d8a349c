// y = (q, zeros, v), one number of each a thread.

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let width = uniforms.width;
  if (i >= width) { return; }
  y[i] = qBias[i];
  y[width + i] = 0.0;
  y[2u * width + i] = vBias[i];
}
