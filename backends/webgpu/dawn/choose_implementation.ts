/** What `auto` makes of two WebGPU implementations. @module */

import { messageOf, UserError } from "../../../core/errors.ts";
import { fetchDawn } from "../../../deps/dawn.ts";

/** The steps from which `auto` chooses; `B` is an opened backend. */
export interface ImplementationSteps<B> {
  /** Whether the runtime's own WebGPU found a GPU that is not emulated on the CPU. */
  readonly hasGpu: boolean;
  /** Whether Dawn can be loaded without a download. */
  readonly isDawnHere: boolean;
  openOwn(): Promise<B>;
  openDawn(): Promise<B>;
  /** Whether a backend uses matrix units, all checked. */
  usesMatrixUnits(backend: B): boolean;
  close(backend: B): Promise<void>;
}

/** The chosen backend, and what the user should know about the choice. */
export interface ChosenImplementation<B> {
  readonly backend: B;
  readonly notes: readonly string[];
}

/**
 * Dawn if nothing has to be downloaded and it brings matrix units that compute correctly; otherwise the
 * runtime's own.
 */
export async function chooseImplementation<B>(
  steps: ImplementationSteps<B>,
): Promise<ChosenImplementation<B>> {
  if (!steps.hasGpu) return { backend: await steps.openOwn(), notes: [] };
  if (!steps.isDawnHere) {
    const note =
      "Deno's WebGPU cannot use a GPU's matrix units (tensor cores); Dawn can, where the " +
      `driver offers them: \`${fetchDawn}\` fetches it (51 MB)`;
    return { backend: await steps.openOwn(), notes: [note] };
  }
  let reason: string;
  try {
    const backend = await steps.openDawn();
    if (steps.usesMatrixUnits(backend)) return { backend, notes: [] };
    await steps.close(backend);
    reason = "no matrix units that it could use";
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    reason = messageOf(error);
  }
  return { backend: await steps.openOwn(), notes: [`Dawn not used: ${reason}`] };
}
