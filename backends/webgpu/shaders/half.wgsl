// Rounds to the nearest float16. The built-in quantizeToF16 may drop subnormals.
fn toHalf(value: vec4f) -> vec4f {
  return vec4f(
    unpack2x16float(pack2x16float(value.xy)),
    unpack2x16float(pack2x16float(value.zw)),
  );
}
