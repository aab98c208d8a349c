// 1 - cos(prediction, target) of each row, with what its gradient needs; one workgroup per row.
//
// rowResults: (loss, 0, 1 / (‖p‖·‖t‖), cos / ‖p‖²) for each row.

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
  var squares = vec2f(0.0);
  var product = vec2f(0.0);
  for (var column = thread * 4u; column < width; column += WORKGROUP * 4u) {
    let p = loadPrediction(base, column, width);
    let t = loadGoal(base, column, width);
    squares += vec2f(dot(p, p), dot(t, t));
    product.x += dot(p, t);
  }
  squares = sumOverRow(squares, thread);
  product = sumOverRow(product, thread);
  if (thread == 0u) {
    let inverse = 1.0 / (sqrt(squares.x) * sqrt(squares.y));
    let cosine = product.x * inverse;
    rowResults[row * 4u] = 1.0 - cosine;
    rowResults[row * 4u + 1u] = 0.0;
    rowResults[row * 4u + 2u] = inverse;
    rowResults[row * 4u + 3u] = cosine / squares.x;
  }
}
