import { type Tensor, tf } from "../../deps/tfjs.ts";
import { engine } from "./engine.ts";

/**
 * `tf.tidy` for work that returns a list of tensors: frees all others that it created. tfjs
 * searches whatever comes back for tensors, which takes longer than the bookkeeping of many an op.
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
