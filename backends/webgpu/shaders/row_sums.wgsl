// Sums over one row, by all threads of the workgroup or by `count` neighbours, a power of two.
//
// The order of the additions is the same with subgroups and without: so are the results.

var<workgroup> rowPartials: array<vec2f, WORKGROUP>;

fn sumOverRow(value: vec2f, thread: u32) -> vec2f {
  return sumOverNeighbours(value, thread, WORKGROUP);
}

fn sumOverNeighbours(value: vec2f, thread: u32, count: u32) -> vec2f {
  rowPartials[thread] = value;
  workgroupBarrier();
  for (var step = count / 2u; step >= SUBGROUP; step /= 2u) {
    if (thread % count < step) { rowPartials[thread] += rowPartials[thread + step]; }
    workgroupBarrier();
  }
  let lanes = min(count, SUBGROUP);
  var sum = rowPartials[thread - thread % count + thread % lanes];
  for (var step = lanes / 2u; step > 0u; step /= 2u) { sum += ofLane2(sum, step); }
  workgroupBarrier();
  return sum;
}

fn total(quad: vec4f) -> f32 {
  return dot(quad, vec4f(1.0));
}
