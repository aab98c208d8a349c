// AdamW on one stretch of memory that holds many parameters: each workgroup takes a block, which
// belongs to one parameter.
//
// KEEPS_HALF: halves is the copy in float16 that products read.
// blocks: the parameter of each block. rates: for each parameter its learning rate and 1 - rate·decay.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let block = group.x + group.y * groups.x;
  if (block >= uniforms.blocks || control[0] == 0.0) { return; }
  let owner = bitcast<u32>(blocks[block]);
  let learningRate = rates[owner * 2u];
  let decay = rates[owner * 2u + 1u];
  let at = block * WORKGROUP * 4u;
  let column = thread * 4u;
  let end = WORKGROUP * 4u;

  let gradient = control[1] * loadGradients(at, column, end);
  let first = uniforms.beta1 * loadFirst(at, column, end) + uniforms.rest1 * gradient;
  let second = uniforms.beta2 * loadSecond(at, column, end) + uniforms.rest2 * gradient * gradient;
  let denominator = sqrt(second) * control[3] + uniforms.epsilon;
  let step = learningRate * (first * control[2]) / denominator;
  storeFirst(at, column, end, first);
  storeSecond(at, column, end, second);
  let parameter = loadParameters(at, column, end) * decay - step;
  storeParameters(at, column, end, parameter);
  if (KEEPS_HALF) { storeHalves(at, column, end, parameter); }
}
