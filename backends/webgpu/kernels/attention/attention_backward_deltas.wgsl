// delta = dy·y of every row of a head: what the gradient of the softmax subtracts. A thread owns a row.

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let token = group.x * THREADS + thread;
  if (token >= uniforms.tokens) { return; }
  let place = Place(group.y, group.z + uniforms.firstSample);
  let base = rowBase(place, token);
  let first = place.head * HEAD_WIDTH;
  var sum = 0.0;
  @unroll for (var quad = 0u; quad < HEAD_QUADS; quad++) {
    let dy = rounded(loadDy(base, first + quad * 4u, first + HEAD_WIDTH), ROUND);
    sum += dot(dy, loadY(base, first + quad * 4u, first + HEAD_WIDTH));
  }
  deltas[statisticOf(place, token)] = sum;
}
