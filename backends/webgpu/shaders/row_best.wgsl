// The largest of a row and its place by all threads of the workgroup; the lowest place wins a tie.

struct Best {
  value: f32,
  place: u32,
}

var<workgroup> bests: array<Best, WORKGROUP>;

fn better(a: Best, b: Best) -> Best {
  if (b.value > a.value || (b.value == a.value && b.place < a.place)) { return b; }
  return a;
}

fn bestOfRow(own: Best, thread: u32) -> Best {
  bests[thread] = own;
  workgroupBarrier();
  for (var step = WORKGROUP / 2u; step >= SUBGROUP; step /= 2u) {
    if (thread < step) { bests[thread] = better(bests[thread], bests[thread + step]); }
    workgroupBarrier();
  }
  let lanes = min(WORKGROUP, SUBGROUP);
  var best = bests[thread % lanes];
  for (var step = lanes / 2u; step > 0u; step /= 2u) {
    best = better(best, Best(ofLane1(best.value, step), ofLaneIndex(best.place, step)));
  }
  workgroupBarrier();
  return best;
}
