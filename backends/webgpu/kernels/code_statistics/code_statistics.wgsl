// Rows of each code: how many, and their sum. A workgroup owns one code: it scans the ids a stretch
// at a time, and where it finds its own, each thread adds up some of the columns.

const STRETCH = WORKGROUP * 4u;

var<workgroup> stretchIds: array<i32, STRETCH>;
var<workgroup> found: atomic<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = group.x + group.y * groups.x;
  if (row >= uniforms.codes) { return; }
  let code = i32(row);
  let width = uniforms.width;
  var count = 0u;
  var sums: array<vec4f, QUADS_PER_THREAD>;
  for (var first = 0u; first < uniforms.rows; first += STRETCH) {
    workgroupBarrier();
    atomicStore(&found, 0u);
    workgroupBarrier();
    for (var i = thread; i < STRETCH; i += WORKGROUP) {
      var id = -1;
      if (first + i < uniforms.rows) { id = ids[first + i]; }
      stretchIds[i] = id;
      if (id == code) { atomicAdd(&found, 1u); }
    }
    workgroupBarrier();
    if (atomicLoad(&found) > 0u) {
      for (var i = 0u; i < STRETCH; i++) {
        if (stretchIds[i] == code) {
          count++;
          for (var j = 0u; j < QUADS_PER_THREAD; j++) {
            let column = (j * WORKGROUP + thread) * 4u;
            if (column < width) { sums[j] += loadZ((first + i) * width, column, width); }
          }
        }
      }
    }
  }
  for (var j = 0u; j < QUADS_PER_THREAD; j++) {
    let column = (j * WORKGROUP + thread) * 4u;
    if (column < width) { storeSums(row * width, column, width, sums[j]); }
  }
  if (thread == 0u) { counts[row] = f32(count); }
}
