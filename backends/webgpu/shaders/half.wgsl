// Rounds to the nearest float16. The built-in quantizeToF16 may drop subnormals, and what packing makes
// of numbers too large for float16 is left to the GPU: some make finite numbers of them, which would hide
// that a gradient overflowed.
fn toHalf(value: vec4f) -> vec4f {
  let half = vec4f(
    unpack2x16float(pack2x16float(value.xy)),
    unpack2x16float(pack2x16float(value.zw)),
  );
  return select(half, value * 3.0e38, abs(value) >= vec4f(65520.0));
}

fn rounded(value: vec4f, isRounded: bool) -> vec4f {
  if (isRounded) { return toHalf(value); }
  return value;
}
