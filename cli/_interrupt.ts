/**
 * Ctrl-C, SIGTERM and SIGUSR1: the first asks the task to finish its step and save, the second ends it.
 * SIGUSR1 is what launchers hand on to all ranks without killing them soon after.
 */
import { exitCodes } from "./_command.ts";

/** A signal that the first Ctrl-C aborts, and how to stop listening. */
export interface Interruption {
  readonly signal: AbortSignal;
  dispose(): void;
}

/** Listens from now on; `note` writes on stderr. */
export function listenForInterrupts(note: (line: string) => void): Interruption {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) Deno.exit(exitCodes.interrupted);
    note("Stopping: finishing the step and saving. Once more to stop at once, without saving.");
    controller.abort(new DOMException("Interrupted", "AbortError"));
  };
  // Windows knows Ctrl-C only.
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM", "SIGUSR1"];
  for (const signal of signals) Deno.addSignalListener(signal, onSignal);
  return {
    signal: controller.signal,
    dispose() {
      for (const signal of signals) Deno.removeSignalListener(signal, onSignal);
    },
  };
}
