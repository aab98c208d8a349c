// What the attention shaders share: where the rows of q, k and v of one head lie in qkv, which is [B, N, 3·C]
// with the last axis in the order (q|k|v, head, channel).
//
// A workgroup belongs to one head of one sample, its `place`. Rows past the last token repeat it; their results
// are never stored, or are multiplied by zero.

struct Place {
  head: u32,
  sample: u32,
}

fn tokenBefore(token: u32) -> u32 {
  return min(token, uniforms.tokens - 1u);
}

// Element at which a row of a [B, N, C] tensor starts.
fn rowBase(place: Place, token: u32) -> u32 {
  return (place.sample * uniforms.tokens + token) * uniforms.heads * HEAD_WIDTH;
}

// Index into the [B, H, N] tensors of statistics.
fn statisticOf(place: Place, token: u32) -> u32 {
  return (place.sample * uniforms.heads + place.head) * uniforms.tokens + tokenBefore(token);
}

// Index of the bias of a query and key 0.
fn biasRow(head: u32, query: u32) -> u32 {
  return (head * uniforms.tokens + tokenBefore(query)) * uniforms.tokens;
}

// Element at which the pairs of a query start, for one of the samples whose pairs are kept.
fn pairRow(head: u32, sample: u32, query: u32) -> u32 {
  return ((sample * uniforms.heads + head) * uniforms.tokens + query) * uniforms.pairWidth;
}
