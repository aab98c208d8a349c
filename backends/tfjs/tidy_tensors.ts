import { type Tensor, tf } from "../../deps/tfjs.ts";
import { engine } from "./engine.ts";

/**
 * `tf.tidy` for work that gives a list of tensors: frees all others that it made. tfjs looks for
 * tensors in whatever comes back, which takes longer than many an op's own bookkeeping.
 */
export function tidyTensors(work: () => Tensor[]): Tensor[] {
  const own = engine();
  own.startScope();
  const { id } = own.state.activeScope;
  let inner: Tensor[] = [];
  try {
    const results = work();
    inner = results.filter(({ kept, scopeId }) => !kept && scopeId === id);
    return results;
  } finally {
    for (const tensor of inner) tf.keep(tensor);
    own.endScope();
    for (const tensor of inner) {
      tensor.kept = false;
      own.track(tensor);
    }
  }
}
