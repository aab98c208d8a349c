// dbranch = keep·gamma·dy, and dgamma = Σ keep·branch·dy over rows. The first workgroups compute
// dgamma, a few columns each; the others dbranch, four columns a thread.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = group.x + group.y * groups.x;
  if (index < uniforms.columnGroups) {
    gammaGradient(index, thread);
  } else {
    branchGradient((index - uniforms.columnGroups) * WORKGROUP + thread);
  }
}

fn keepOf(row: u32) -> f32 {
  if (HAS_KEEP) { return keep[row / uniforms.tokens]; }
  return 1.0;
}

fn gammaGradient(index: u32, thread: u32) {
  let width = uniforms.width;
  let quad = thread % COLUMN_QUADS;
  let lane = thread / COLUMN_QUADS;
  let column = (index * COLUMN_QUADS + quad) * 4u;
  var sum = vec4f(0.0);
  if (column < width) {
    for (var first = lane; first < uniforms.rows; first += ROW_LANES * 4u) {
      // Four rows at a time, so that their loads do not wait for one another.
      @unroll for (var i = 0u; i < 4; i++) {
        let row = min(first + i * ROW_LANES, uniforms.rows - 1u);
        let dy = keepOf(row) * loadDy(row * width, column, width);
        let product = loadBranch(row * width, column, width) * dy;
        sum += select(vec4f(0.0), product, first + i * ROW_LANES < uniforms.rows);
      }
    }
  }
  sum = sumOverLanes(sum, lane, quad);
  if (lane == 0u && column < width) { storeDgamma(0u, column, width, sum); }
}

fn branchGradient(index: u32) {
  let row = index / uniforms.quadsPerRow;
  let column = (index % uniforms.quadsPerRow) * 4u;
  if (row >= uniforms.rows) { return; }
  let width = uniforms.width;
  let base = row * width;
  var value = keepOf(row) * loadDy(base, column, width);
  if (HAS_GAMMA) { value *= loadGamma(0u, column, width); }
  storeDbranch(base, column, width, value);
}
