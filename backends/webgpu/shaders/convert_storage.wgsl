// Copies a tensor between float32 and float16 storage; two float16 values share one word.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let quad = (group.x + group.y * groups.x) * WORKGROUP + thread;
  if (quad >= uniforms.quads) { return; }
  if (NARROW) {
    for (var i = 0u; i < 2u; i++) {
      let pair = vec2f(input[quad * 4u + i * 2u], input[quad * 4u + i * 2u + 1u]);
      // What packing makes of numbers too large for float16 is left to the GPU.
      let value = select(pair, pair * 3.0e38, abs(pair) >= vec2f(65520.0));
      output[quad * 2u + i] = bitcast<f32>(pack2x16float(value));
    }
  } else {
    for (var i = 0u; i < 2u; i++) {
      let pair = unpack2x16float(bitcast<u32>(input[quad * 2u + i]));
      output[quad * 4u + i * 2u] = pair.x;
      output[quad * 4u + i * 2u + 1u] = pair.y;
    }
  }
}
