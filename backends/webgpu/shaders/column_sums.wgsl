// Sums over rows: a workgroup takes COLUMN_QUADS quads of columns, its threads divide the rows.
// Every column is summed in a fixed order, so results do not change from run to run.

const ROW_LANES = WORKGROUP / COLUMN_QUADS;

var<workgroup> columnPartials: array<vec4f, WORKGROUP>;

// Adds up `value` over the row lanes of each column quad; the result is valid in lane 0.
fn sumOverLanes(value: vec4f, lane: u32, quad: u32) -> vec4f {
  columnPartials[lane * COLUMN_QUADS + quad] = value;
  workgroupBarrier();
  for (var step = ROW_LANES / 2u; step > 0u; step /= 2u) {
    if (lane < step) {
      columnPartials[lane * COLUMN_QUADS + quad] +=
        columnPartials[(lane + step) * COLUMN_QUADS + quad];
    }
    workgroupBarrier();
  }
  let total = columnPartials[quad];
  workgroupBarrier();
  return total;
}
