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
