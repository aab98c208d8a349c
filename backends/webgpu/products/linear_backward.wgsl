// Both gradients of a linear layer and that of its bias, from dz [rows, outputs]:
//   dweight = dzᵀ·x, dbias = Σ dz over rows (the workgroups with group.y < weightGroups)
//   dx = dz·weight                          (the others)
// x and dx begin at row firstRow. ACCUMULATE adds to dweight and dbias. With an ACTIVATION, x is that of `before`,
// and dx becomes the gradient of that; ROUND_DX: by way of float16.
// ROUND_DZ, ROUND_X, ROUND_WEIGHT: round what is stored as float32 to float16.
//
// SPLIT: a weight has too few tiles to keep a GPU busy, so the rows are divided into parts of rowsOfPart,
// and what each adds to dweight and, behind it, dbias goes into dweight [part][outputs·inputs + outputs].

const WEIGHT = 0u;
const INPUT = 1u;

@compute @workgroup_size(THREADS_N, THREADS_M)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  if (group.y < uniforms.weightGroups) {
    weightTile(group, local, thread);
  } else {
    inputTile(group, local, thread);
  }
}

fn weightTile(group: vec3u, local: vec3u, thread: u32) {
  let part = group.y / uniforms.weightTiles;
  let firstM = group.y % uniforms.weightTiles * TILE_M;
  let start = part * uniforms.rowsOfPart;
  let end = min(start + uniforms.rowsOfPart, uniforms.rows);
  let stretch = Stretch(WEIGHT, firstM, group.x * TILE_N, end, part);
  let sumsBias = HAS_BIAS && group.x == 0u && thread < QUADS_M;
  var sums: Sums;
  var bias = vec4f(0.0);
  var fetched = fetch(stretch, start, thread);
  for (var firstK = start; firstK < end; firstK += K_TILE) {
    storeFetched(WEIGHT, &fetched, thread);
    workgroupBarrier();
    fetched = fetch(stretch, firstK + K_TILE, thread);
    multiplyTiles(&sums, local);
    if (sumsBias) {
      for (var k = 0u; k < K_TILE; k++) { bias += quadOfA(k, thread); }
    }
    workgroupBarrier();
  }
  if (sumsBias && firstM + thread * 4u < uniforms.outputs) {
    finishBias(part, firstM + thread * 4u, bias);
  }
  finishSums(&sums, stretch, local);
}

fn inputTile(group: vec3u, local: vec3u, thread: u32) {
  let firstM = (group.y - uniforms.weightGroups) * TILE_M;
  let stretch = Stretch(INPUT, firstM, group.x * TILE_N, uniforms.outputs, 0u);
  var sums: Sums;
  var fetched = fetch(stretch, 0u, thread);
  for (var firstK = 0u; firstK < uniforms.outputs; firstK += K_TILE) {
    storeFetched(INPUT, &fetched, thread);
    workgroupBarrier();
    fetched = fetch(stretch, firstK + K_TILE, thread);
    multiplyTiles(&sums, local);
    workgroupBarrier();
  }
  finishSums(&sums, stretch, local);
}

fn finishQuad(stretch: Stretch, m: u32, input: u32, sum: vec4f) {
  if (input >= uniforms.inputs) { return; }
  if (stretch.kind == WEIGHT) {
    if (m < uniforms.outputs) { finishWeight(stretch.part, m, input, sum); }
  } else if (m < uniforms.rows) {
    let base = (uniforms.firstRow + m) * uniforms.inputs;
    var value = sum;
    if (ACTIVATION != NONE) {
      let slope = activationSlope(loadBefore(base, input, uniforms.inputs), ACTIVATION);
      value = rounded(value, ROUND_DX) * slope;
    }
    storeDx(base, input, uniforms.inputs, value);
  }
}

fn finishWeight(part: u32, output: u32, input: u32, sum: vec4f) {
  if (SPLIT) {
    let row = part * (uniforms.inputs + 1u) * uniforms.outputs + output * uniforms.inputs;
    storeDweight(row, input, uniforms.inputs, sum);
  } else {
    var value = sum;
    if (ACCUMULATE) { value += loadDweight(output * uniforms.inputs, input, uniforms.inputs); }
    storeDweight(output * uniforms.inputs, input, uniforms.inputs, value);
  }
}

fn finishBias(part: u32, output: u32, sum: vec4f) {
  if (SPLIT) {
    let row = ((part + 1u) * (uniforms.inputs + 1u) - 1u) * uniforms.outputs;
    storeDweight(row, output, uniforms.outputs, sum);
  } else {
    var value = sum;
    if (ACCUMULATE) { value += loadDbias(0u, output, uniforms.outputs); }
    storeBias(output, value);
  }
}

// Rows and columns past the end repeat the last and are not stored; past the end of k there are zeros.

fn readDz(row: u32, output: u32, isWithin: bool) -> vec4f {
  let base = min(row, uniforms.rows - 1u) * uniforms.outputs;
  let quad = loadDz(base, select(0u, output, output < uniforms.outputs), uniforms.outputs);
  return select(vec4f(0.0), rounded(quad, ROUND_DZ), isWithin);
}

fn readX(row: u32, input: u32, end: u32) -> vec4f {
  let base = (uniforms.firstRow + min(row, uniforms.rows - 1u)) * uniforms.inputs;
  let quad = loadX(base, select(0u, input, input < uniforms.inputs), uniforms.inputs);
  return select(vec4f(0.0), rounded(quad, ROUND_X), row < end);
}

fn readWeight(output: u32, input: u32) -> vec4f {
  let base = min(output, uniforms.outputs - 1u) * uniforms.inputs;
  let quad = loadWeight(base, select(0u, input, input < uniforms.inputs), uniforms.inputs);
  return select(vec4f(0.0), rounded(quad, ROUND_WEIGHT), output < uniforms.outputs);
}

// For dweight both operands run along what is computed, for dx those of dz along k.

fn placeA(kind: u32, block: u32) -> vec2u {
  if (kind == WEIGHT) { return vec2u(block / QUADS_M, block % QUADS_M); }
  return vec2u(block % QUADS_K, block / QUADS_K);
}

fn placeB(kind: u32, block: u32) -> vec2u {
  return vec2u(block / QUADS_N, block % QUADS_N);
}

fn blockA(stretch: Stretch, k: u32, m: u32) -> Block {
  if (stretch.kind == WEIGHT) {
    return Block(
      readDz(k, m, k < stretch.end),
      readDz(k + 1u, m, k + 1u < stretch.end),
      readDz(k + 2u, m, k + 2u < stretch.end),
      readDz(k + 3u, m, k + 3u < stretch.end),
    );
  }
  let isWithin = k < uniforms.outputs;
  return turned(
    readDz(m, k, isWithin),
    readDz(m + 1u, k, isWithin),
    readDz(m + 2u, k, isWithin),
    readDz(m + 3u, k, isWithin),
  );
}

fn blockB(stretch: Stretch, k: u32, n: u32) -> Block {
  if (stretch.kind == WEIGHT) {
    return Block(
      readX(k, n, stretch.end),
      readX(k + 1u, n, stretch.end),
      readX(k + 2u, n, stretch.end),
      readX(k + 3u, n, stretch.end),
    );
  }
  return Block(
    readWeight(k, n),
    readWeight(k + 1u, n),
    readWeight(k + 2u, n),
    readWeight(k + 3u, n),
  );
}
