// One of each reduction, by one workgroup, of numbers whose results are known.

@group(0) @binding(0) var<storage, read_write> results: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) thread: u32) {
  let row = sumOverRow(vec2f(f32(thread), 1.0), thread);
  let few = sumOverNeighbours(vec2f(f32(thread), 1.0), thread, FEW);
  let lane = thread / COLUMN_QUADS;
  let column = sumOverLanes(vec4f(f32(thread)), lane, thread % COLUMN_QUADS);
  // Two threads have the largest.
  let best = bestOfRow(Best(f32(thread * 7u % (WORKGROUP / 2u)), thread), thread);
  let first = thread * 6u;
  results[first] = row.x;
  results[first + 1u] = row.y;
  results[first + 2u] = few.x;
  results[first + 3u] = column.w;
  results[first + 4u] = best.value;
  results[first + 5u] = f32(best.place);
}
