import { type Tensor, tf } from "../deps/tfjs.ts";

interface ScopeEngine {
  readonly state: { readonly activeScope: { readonly id: number } };
  startScope(): void;
  endScope(): void;
  track(tensor: Tensor): void;
}

/**
 * `tf.tidy` for work that gives a list of tensors: frees all others that it made. tfjs looks for
 * tensors in whatever comes back, which takes longer than many an op's own bookkeeping.
 */
export function tidyTensors(work: () => Tensor[]): Tensor[] {
  const engine = tf.engine() as unknown as ScopeEngine;
  engine.startScope();
  const { id } = engine.state.activeScope;
  let inner: Tensor[] = [];
  try {
    const results = work();
    inner = results.filter(({ kept, scopeId }) => !kept && scopeId === id);
    return results;
  } finally {
    for (const tensor of inner) tf.keep(tensor);
    engine.endScope();
    for (const tensor of inner) {
      tensor.kept = false;
      engine.track(tensor);
    }
  }
}
