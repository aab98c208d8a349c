// Sums over rows: a workgroup takes COLUMN_QUADS quads of columns, its threads divide the rows.
// Every column is summed in a fixed order, with subgroups and without, so results do not change from run
// to run.

const ROW_LANES = WORKGROUP / COLUMN_QUADS;
// Those of the row lanes that are in one subgroup.
const SUBGROUP_ROWS = max(SUBGROUP / COLUMN_QUADS, 1u);

var<workgroup> columnPartials: array<vec4f, WORKGROUP>;

// Adds up `value` over the row lanes of each column quad.
fn sumOverLanes(value: vec4f, lane: u32, quad: u32) -> vec4f {
  columnPartials[lane * COLUMN_QUADS + quad] = value;
  workgroupBarrier();
  for (var step = ROW_LANES / 2u; step >= SUBGROUP_ROWS; step /= 2u) {
    if (lane < step) {
      columnPartials[lane * COLUMN_QUADS + quad] +=
        columnPartials[(lane + step) * COLUMN_QUADS + quad];
    }
    workgroupBarrier();
  }
  var total = columnPartials[lane % SUBGROUP_ROWS * COLUMN_QUADS + quad];
  for (var step = SUBGROUP_ROWS / 2u; step > 0u; step /= 2u) {
    total += ofLane4(total, step * COLUMN_QUADS);
  }
  workgroupBarrier();
  return total;
}
