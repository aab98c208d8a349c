// Rounds to the nearest float16. The built-in quantizeToF16 may drop subnormals, and what packing makes
// of numbers too large for float16 is left to the GPU: some make finite numbers of them, which would hide
// that a gradient overflowed. They become infinite before they are packed, not after: Mesa 26 gets the dot
// product of vectors wrong whose elements are selected last (seen with Dawn on lavapipe).
fn toHalf(value: vec4f) -> vec4f {
  let bounded = select(value, value * 3.0e38, abs(value) >= vec4f(65520.0));
  return vec4f(
    unpack2x16float(pack2x16float(bounded.xy)),
    unpack2x16float(pack2x16float(bounded.zw)),
  );
}

fn rounded(value: vec4f, isRounded: bool) -> vec4f {
  if (isRounded) { return toHalf(value); }
  return value;
}
