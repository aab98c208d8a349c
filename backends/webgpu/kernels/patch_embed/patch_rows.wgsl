// Patches of an image [B, 3, H, W] as rows [B·N, 3·p·p], in the order of a convolution's weight.

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
  var quad = vec4f(0.0);
  for (var i = 0u; i < min(4u, uniforms.width - column); i++) {
    quad[i] = images[pixelOf(row, column + i)];
  }
  storePatches(row * uniforms.width, column, uniforms.width, quad);
}

fn pixelOf(row: u32, column: u32) -> u32 {
  let patchSize = uniforms.patchSize;
  let perImage = uniforms.gridHeight * uniforms.gridWidth;
  let sample = row / perImage;
  let gridY = row % perImage / uniforms.gridWidth;
  let gridX = row % uniforms.gridWidth;
  let channel = column / (patchSize * patchSize);
  let y = gridY * patchSize + column / patchSize % patchSize;
  let x = gridX * patchSize + column % patchSize;
  let height = uniforms.gridHeight * patchSize;
  let width = uniforms.gridWidth * patchSize;
  let channels = uniforms.width / (patchSize * patchSize);
  return ((sample * channels + channel) * height + y) * width + x;
}
