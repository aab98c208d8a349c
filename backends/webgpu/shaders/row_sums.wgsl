// Sums over one row, by all threads of the workgroup or by `count` neighbours, a power of two.

var<workgroup> rowPartials: array<vec2f, WORKGROUP>;

fn sumOverRow(value: vec2f, thread: u32) -> vec2f {
  return sumOverNeighbours(value, thread, WORKGROUP);
}

fn sumOverNeighbours(value: vec2f, thread: u32, count: u32) -> vec2f {
  rowPartials[thread] = value;
  workgroupBarrier();
  for (var step = count / 2u; step > 0u; step /= 2u) {
    if (thread % count < step) { rowPartials[thread] += rowPartials[thread + step]; }
    workgroupBarrier();
  }
  let total = rowPartials[thread - thread % count];
  workgroupBarrier();
  return total;
}

fn total(quad: vec4f) -> f32 {
  return dot(quad, vec4f(1.0));
}
