// dprediction = dloss / rows·(cos·p / ‖p‖² - t / (‖p‖·‖t‖)), four columns a thread.

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
  let base = row * uniforms.width;
  let p = loadPrediction(base, column, uniforms.width);
  let t = loadGoal(base, column, uniforms.width);
  let gradient = p * rowResults[row * 4u + 3u] - t * rowResults[row * 4u + 2u];
  storeDprediction(base, column, uniforms.width, gradient * (dloss[0] / f32(uniforms.rows)));
}
