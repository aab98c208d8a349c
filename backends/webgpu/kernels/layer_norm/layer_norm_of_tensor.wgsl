// x is there.

fn firstX(row: u32, column: u32) -> vec4f {
  return loadX(row * uniforms.width, column, uniforms.width);
}
