// dweight and dbias = Σ over parts of what linear_backward.wgsl left of them, in the order of the parts.
// ACCUMULATE adds to what is there.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let item = (group.x + group.y * groups.x) * WORKGROUP + thread;
  let row = item / uniforms.quadsPerRow;
  let column = (item % uniforms.quadsPerRow) * 4u;
  if (row >= uniforms.outputs) { return; }
  let inputs = uniforms.inputs;
  let stride = (inputs + 1u) * uniforms.outputs;
  var sum = vec4f(0.0);
  if (ACCUMULATE) { sum = loadDweight(row * inputs, column, inputs); }
  for (var part = 0u; part < uniforms.parts; part++) {
    sum += loadParts(part * stride + row * inputs, column, inputs);
  }
  storeDweight(row * inputs, column, inputs, sum);
  // The biases, four to a thread of the first column.
  let output = row * 4u;
  if (!HAS_BIAS || column != 0u || output >= uniforms.outputs) { return; }
  var bias = vec4f(0.0);
  if (ACCUMULATE) { bias = loadDbias(0u, output, uniforms.outputs); }
  for (var part = 0u; part < uniforms.parts; part++) {
    bias += loadParts((part + 1u) * stride - uniforms.outputs, output, uniforms.outputs);
  }
  storeBias(output, bias);
}
