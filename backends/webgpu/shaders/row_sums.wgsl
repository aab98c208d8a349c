// Sums over one row by all threads of the workgroup.

var<workgroup> rowPartials: array<vec2f, WORKGROUP>;

fn sumOverRow(value: vec2f, thread: u32) -> vec2f {
  rowPartials[thread] = value;
  workgroupBarrier();
  for (var step = WORKGROUP / 2u; step > 0u; step /= 2u) {
    if (thread < step) { rowPartials[thread] += rowPartials[thread + step]; }
    workgroupBarrier();
  }
  let total = rowPartials[0];
  workgroupBarrier();
  return total;
}

fn total(quad: vec4f) -> f32 {
  return dot(quad, vec4f(1.0));
}
