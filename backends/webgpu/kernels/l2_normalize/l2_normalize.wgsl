// y = x / max(‖x‖, 1e-12), or with BACKWARD the gradient (dy - y·(dy·y)) / ‖x‖ (dy / 1e-12 where the limit
// applies); one workgroup per row.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = group.x + group.y * groups.x;
  if (row >= uniforms.rows) { return; }
  let width = uniforms.width;
  let base = row * width;
  var sums = vec2f(0.0);
  for (var column = thread * 4u; column < width; column += WORKGROUP * 4u) {
    let x = loadX(base, column, width);
    sums.x += dot(x, x);
    if (BACKWARD) { sums.y += dot(x, loadDy(base, column, width)); }
  }
  sums = sumOverRow(sums, thread);
  let isLimited = sums.x < 1e-24;
  let inverse = 1.0 / sqrt(max(sums.x, 1e-24));
  for (var column = thread * 4u; column < width; column += WORKGROUP * 4u) {
    let x = loadX(base, column, width);
    if (BACKWARD) {
      let along = select(x * (sums.y * inverse * inverse), vec4f(0.0), isLimited);
      storeResult(base, column, width, (loadDy(base, column, width) - along) * inverse);
    } else {
      storeResult(base, column, width, x * inverse);
    }
  }
}
