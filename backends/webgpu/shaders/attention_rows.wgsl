// What the attention shaders share: where the rows of q, k and v of one head lie in qkv, which is
// [B, N, 3·C] with the last axis in the order (q|k|v, head, channel).

const Q = 0u;
const K = 1u;
const V = 2u;

fn round(quad: vec4f) -> vec4f {
  if (ROUND) { return toHalf(quad); }
  return quad;
}

// Quad `i` of a head's row of q, k or v; zeros past the last token.
fn readQkv(part: u32, head: u32, sample: u32, token: u32, i: u32) -> vec4f {
  if (token >= uniforms.tokens) { return vec4f(0.0); }
  let width = uniforms.heads * HEAD_WIDTH;
  let first = part * width + head * HEAD_WIDTH;
  let base = (sample * uniforms.tokens + token) * 3u * width;
  return round(loadQkv(base, first + i * 4u, first + HEAD_WIDTH));
}

// Element at which a head's row of a [B, N, C] tensor begins.
fn rowBase(sample: u32, token: u32) -> u32 {
  return (sample * uniforms.tokens + token) * uniforms.heads * HEAD_WIDTH;
}

// Index into the [B, H, N] tensors of statistics.
fn statisticOf(head: u32, sample: u32, token: u32) -> u32 {
  return (sample * uniforms.heads + head) * uniforms.tokens + token;
}

fn biasOf(head: u32, query: u32, key: u32) -> f32 {
  if (HAS_BIAS) { return bias[(head * uniforms.tokens + query) * uniforms.tokens + key]; }
  return 0.0;
}
