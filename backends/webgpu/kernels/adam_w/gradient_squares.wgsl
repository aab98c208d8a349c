// Partial sums of squared gradients, unscaled; each workgroup adds up GROUP_QUADS quads.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = group.x + group.y * groups.x;
  let inverseScale = 1.0 / scaler[0];
  var sum = vec2f(0.0);
  let first = index * GROUP_QUADS;
  let end = min(first + GROUP_QUADS, uniforms.quads);
  for (var quad = first + thread; quad < end; quad += WORKGROUP) {
    let gradient = inverseScale * loadGradients(0u, quad * 4u, uniforms.quads * 4u);
    sum.x += dot(gradient, gradient);
  }
  let all = sumOverRow(sum, thread).x;
  if (thread == 0u && first < uniforms.quads) { partials[uniforms.firstPartial + index] = all; }
}
