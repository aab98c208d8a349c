/**
 * Ctrl-C, SIGTERM, SIGHUP and SIGUSR1: the first asks the task to finish its step and save, the second ends it.
 * SIGHUP comes when the terminal is closed or a connection breaks; launchers forward SIGUSR1 to all ranks
 * without killing them soon afterwards.
 */
import { exitCodes } from "../parsing/command.ts";

/** A signal that the first Ctrl-C aborts, and how to stop listening. */
export interface Interruption {
  /** Aborted by the first signal; a command that never reads it is terminated instead. */
  readonly signal: AbortSignal;
  /**
   * Asked, on the first signal, whether the process may end immediately: `words` says why nothing is lost, or
   * is null if there is something to save.
   */
  endsAtOnce(words: () => string | null): void;
  dispose(): void;
}

/**
 * Milliseconds within which repeated signals count as one key press: `npx` and `deno task` forward
 * what the terminal has already sent to every process, so that Ctrl-C arrives two or three times.
 */
const oneKeyPress = 500;

/** Starts listening; `note` writes to stderr. */
export function listenForInterrupts(note: (line: string) => void): Interruption {
  const controller = new AbortController();
  // A command that has never read the signal does not respond to it: it has nothing to save.
  let isFollowed = false;
  let whyNothingIsLost: () => string | null = () => isFollowed ? null : "Interrupted.";
  let last = { signal: "", time: -Infinity };
  const onSignal = (signal: Deno.Signal) => {
    const time = performance.now();
    const isEcho = signal === last.signal && time - last.time < oneKeyPress;
    if (isEcho) return;
    last = { signal, time };
    if (controller.signal.aborted) {
      note("Stopped immediately: anything not yet saved is lost.");
      Deno.exit(exitCodes.interrupted);
    }
    const words = whyNothingIsLost();
    if (words !== null) {
      note(words);
      Deno.exit(exitCodes.interrupted);
    }
    note(
      "Stopping: finishing the step and saving. Press again to stop immediately, without saving.",
    );
    controller.abort(new DOMException("Interrupted", "AbortError"));
  };
  // Windows only has Ctrl-C.
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
