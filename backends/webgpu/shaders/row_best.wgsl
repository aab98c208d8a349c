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
  for (var step = WORKGROUP / 2u; step > 0u; step /= 2u) {
    if (thread < step) { bests[thread] = better(bests[thread], bests[thread + step]); }
    workgroupBarrier();
  }
  let best = bests[0];
  workgroupBarrier();
  return best;
}

// The best of this thread's share of a row of logits.
fn ownBest(row: u32, thread: u32) -> Best {
  var best = Best(-3.4e38, 0u);
  for (var column = thread * 4u; column < uniforms.width; column += WORKGROUP * 4u) {
    let quad = loadLogits(row * uniforms.width, column, uniforms.width);
    for (var i = 0u; i < min(4u, uniforms.width - column); i++) {
      best = better(best, Best(quad[i], column + i));
    }
  }
  return best;
}
