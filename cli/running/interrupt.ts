/**
 * Ctrl-C, SIGTERM, SIGHUP and SIGUSR1: the first asks the task to finish its step and save, the second
 * ends it. SIGHUP comes when the terminal is closed or a connection breaks; SIGUSR1 is what launchers hand
 * on to all ranks without killing them soon after.
 */
import { exitCodes } from "../parsing/command.ts";

/** A signal that the first Ctrl-C aborts, and how to stop listening. */
export interface Interruption {
  /** Aborted by the first signal; a command that never reads it is ended instead. */
  readonly signal: AbortSignal;
  /**
   * Asks, when the first signal comes, whether the process may end at once: `words` says why nothing is
   * lost by that, or gives null where there is something to save.
   */
  endsAtOnce(words: () => string | null): void;
  dispose(): void;
}

/**
 * Milliseconds in which the same signal is one key press: `npx` and `deno task` hand on what the
 * terminal has sent to every process already, so that Ctrl-C comes twice or three times.
 */
const oneKeyPress = 500;

/** Listens from now on; `note` writes on stderr. */
export function listenForInterrupts(note: (line: string) => void): Interruption {
  const controller = new AbortController();
  // A command that has never read the signal does not follow it: it has nothing to save.
  let isFollowed = false;
  let whyNothingIsLost: () => string | null = () => isFollowed ? null : "Interrupted.";
  let last = { signal: "", time: -Infinity };
  const onSignal = (signal: Deno.Signal) => {
    const time = performance.now();
    const isEcho = signal === last.signal && time - last.time < oneKeyPress;
    if (isEcho) return;
    last = { signal, time };
    if (controller.signal.aborted) {
      note("Stopped at once: what was not saved yet is lost.");
      Deno.exit(exitCodes.interrupted);
    }
    const words = whyNothingIsLost();
    if (words !== null) {
      note(words);
      Deno.exit(exitCodes.interrupted);
    }
    note("Stopping: finishing the step and saving. Again: stop at once, unsaved.");
    controller.abort(new DOMException("Interrupted", "AbortError"));
  };
  // Windows knows Ctrl-C only.
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"];
  const listeners = signals.map((signal) => [signal, () => onSignal(signal)] as const);
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return {
    get signal() {
      isFollowed = true;
      return controller.signal;
    },
    endsAtOnce: (words) => {
      whyNothingIsLost = words;
    },
    dispose() {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}
