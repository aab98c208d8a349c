// Of each row of logits: the logarithm of Σ exp, the cross-entropy with the row's target, and whether
// the target is the largest. One workgroup a row.
//
// rowResults: (log sum, loss, 1 or 0) for each row.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = group.x + group.y * groups.x;
  if (row >= uniforms.rows) { return; }
  let width = uniforms.width;
  let best = bestOfRow(ownBest(row, thread), thread);
  var sum = vec2f(0.0);
  for (var column = thread * 4u; column < width; column += WORKGROUP * 4u) {
    let quad = exp(loadLogits(row * width, column, width) - best.value);
    for (var i = 0u; i < min(4u, width - column); i++) { sum.x += quad[i]; }
  }
  let logSum = best.value + log(sumOverRow(sum, thread).x);
  if (thread == 0u) {
    let first = (uniforms.firstRow + row) * 3u;
    let label = u32(targets[uniforms.firstRow + row]);
    let quad = loadLogits(row * width, label / 4u * 4u, width);
    rowResults[first] = logSum;
    rowResults[first + 1u] = logSum - quad[label % 4u];
    rowResults[first + 2u] = select(0.0, 1.0, best.place == label);
  }
}
