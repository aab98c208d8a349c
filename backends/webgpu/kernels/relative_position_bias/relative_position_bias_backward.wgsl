// dtable[t, h] = Σ dy[h, i, j] over the pairs whose index is t. A workgroup owns one t: its threads
// scan the index and add up what they find for every head, then sum over threads in a fixed order.

var<workgroup> sums: array<f32, WORKGROUP * HEADS>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = group.x + group.y * groups.x;
  if (row >= uniforms.rows) { return; }
  for (var head = 0u; head < HEADS; head++) { sums[head * WORKGROUP + thread] = 0.0; }
  for (var pair = thread; pair < uniforms.pairs; pair += WORKGROUP) {
    if (u32(index[pair]) == row) {
      for (var head = 0u; head < HEADS; head++) {
        sums[head * WORKGROUP + thread] += dy[head * uniforms.pairs + pair];
      }
    }
  }
  workgroupBarrier();
  for (var head = thread; head < HEADS; head += WORKGROUP) {
    var sum = 0.0;
    for (var i = 0u; i < WORKGROUP; i++) { sum += sums[head * WORKGROUP + i]; }
    dtable[row * HEADS + head] = sum;
  }
}
