// dlogits = (softmax(logits) - one-hot(target))·dloss / rows in all, four columns a thread.

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
  let logSum = rowResults[(uniforms.firstRow + row) * 3u];
  let label = u32(targets[uniforms.firstRow + row]);
  let isTarget = vec4u(column) + vec4u(0, 1, 2, 3) == vec4u(label);
  let probabilities = exp(loadLogits(row * width, column, width) - logSum);
  let gradient = probabilities - select(vec4f(0.0), vec4f(1.0), isTarget);
  storeDlogits(row * width, column, width, gradient * (dloss[0] / uniforms.rowsInAll));
}
