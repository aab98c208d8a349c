// The place of the largest of each row of logits; one workgroup a row.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = group.x + group.y * groups.x;
  if (row >= uniforms.rows) { return; }
  let best = bestOfRow(ownBest(row, thread), thread);
  if (thread == 0u) { ids[uniforms.firstRow + row] = i32(best.place); }
}
