// x is not there yet: it is made on the way, x = stream + keep·gamma·branch, and stored. Each thread
// comes back only to the columns that it has made itself. KEEPS_HALF: what is kept of the stream for
// the backward pass is a copy in float16.

fn firstX(row: u32, column: u32) -> vec4f {
  let width = uniforms.width;
  var value = loadBranch(row * width, column, width);
  if (HAS_GAMMA) { value *= loadGamma(0u, column, width); }
  if (HAS_KEEP) { value *= keep[row / uniforms.tokens]; }
  let before = loadStream(row * width, column, width);
  if (KEEPS_HALF) { storeHalfStream(row * width, column, width, before); }
  value += before;
  storeX(row * width, column, width, value);
  return value;
}
