// Once a step: the norm of all gradients, whether it is finite, the new loss scale, and the factors
// that the update of every parameter needs. Nothing of this is read back to decide.
//
// scaler: loss scale, good steps in a row, Adam's t, skipped steps.
// control: factor of the gradients (0: skip), 1 / (1 - β1^t), 1 / √(1 - β2^t).
// report: norm, loss scale used, 1 where skipped.

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = vec2f(0.0);
  for (var i = thread; i < uniforms.partials; i += WORKGROUP) { sum.x += partials[i]; }
  let norm = sqrt(sumOverRow(sum, thread).x);
  if (thread != 0u) { return; }

  // By its bits: compilers may assume that there are no infinities.
  let isGood = (bitcast<u32>(norm) & 0x7f800000u) != 0x7f800000u;
  let scale = scaler[0];
  report[0] = norm;
  report[1] = scale;
  report[2] = select(1.0, 0.0, isGood);

  if (isGood) {
    scaler[2] += 1.0;
  } else {
    scaler[3] += 1.0;
  }
  let t = max(scaler[2], 1.0);
  var clipping = 1.0;
  if (HAS_MAXIMUM) { clipping = min(uniforms.maximum / (norm + 1e-6), 1.0); }
  control[0] = select(0.0, 1.0, isGood);
  control[1] = clipping / scale;
  control[2] = 1.0 / oneMinusPower(t * uniforms.minusLogBeta1);
  control[3] = 1.0 / sqrt(oneMinusPower(t * uniforms.minusLogBeta2));

  if (HAS_GROWTH) {
    if (!isGood) {
      scaler[0] = scale * 0.5;
      scaler[1] = 0.0;
    } else if (scaler[1] + 1.0 >= uniforms.growthInterval) {
      scaler[0] = scale * 2.0;
      scaler[1] = 0.0;
    } else {
      scaler[1] += 1.0;
    }
  } else if (!isGood) {
    // Neither is the norm a number: whatever follows is skipped too.
    scaler[0] = norm;
  }
}

// 1 - exp(-x). Subtracting would lose four digits of five for a small x, so its series is used there:
// x·(1 - x/2·(1 - x/3·(…))).
fn oneMinusPower(x: f32) -> f32 {
  if (x >= 1.0) { return 1.0 - exp(-x); }
  var series = 1.0;
  for (var n = 11.0; n >= 2.0; n -= 1.0) { series = 1.0 - x / n * series; }
  return x * series;
}
