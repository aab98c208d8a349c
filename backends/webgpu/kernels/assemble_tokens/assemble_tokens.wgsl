// The cls token and the patches, masked ones replaced by the mask token, plus positions: four columns
// of one token a thread.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = (group.x + group.y * groups.x) * WORKGROUP + thread;
  let row = index / uniforms.quadsPerRow;
  let column = (index % uniforms.quadsPerRow) * 4u;
  if (row >= uniforms.rows) { return; }
  let width = uniforms.width;
  let sample = row / uniforms.tokens;
  let token = row % uniforms.tokens;
  var value = loadClsToken(0u, column, width);
  if (token > 0u) {
    let patchRow = sample * (uniforms.tokens - 1u) + token - 1u;
    value = loadPatches(patchRow * width, column, width);
    if (HAS_MASK) {
      value = mix(value, loadMaskToken(0u, column, width), vec4f(mask[patchRow]));
    }
  }
  if (HAS_POSITIONS) { value += loadPositions(token * width, column, width); }
  storeY(row * width, column, width, value);
}
