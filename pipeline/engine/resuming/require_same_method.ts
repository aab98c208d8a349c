/** Whether a checkpoint belongs to the method that is to resume from it. @module */

import { UserError } from "../../../core/errors.ts";
import { methodName } from "../method.ts";
import type { RunState } from "../run_state.ts";

/**
 * Rejects another method's checkpoint, which may have been written with the same config.
 *
 * @throws UserError with the names of both
 */
export function requireSameMethod(
  directory: string | null,
  { task, method = task }: Pick<RunState, "task" | "method">,
  wanted: Parameters<typeof methodName>[0],
): void {
  const name = methodName(wanted);
  if (name === method) return;
  throw new UserError(
    `Cannot continue in "${directory}": its run is of the method ${method}, and this is ${name}`,
    { hint: "choose another --out, or resume it with the program that started it" },
  );
}
