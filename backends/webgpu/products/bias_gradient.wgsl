// Where the gradient of a bias goes, four outputs at a time. IS_JOINT: the first third of the outputs has a bias
// of its own and so has the last, those in between have none.

fn storeBias(output: u32, value: vec4f) {
  let width = uniforms.outputs;
  let third = width / 3u;
  if (!IS_JOINT) {
    storeDbias(0u, output, width, value);
  } else if (output < third) {
    storeDbias(0u, output, third, value);
  } else if (output >= 2u * third) {
    storeDlastBias(0u, output - 2u * third, third, value);
  }
}
