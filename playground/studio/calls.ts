/** Calls of a worker's functions by messages. @module */

import { messageOf } from "../../core/errors.ts";

/** A call of the function `name`. */
export interface Call {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** What a call came to. */
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string; readonly isExpected: boolean };

/** Functions by name, each of which may take its time. */
// deno-lint-ignore no-explicit-any -- any functions will do
export type Functions = Record<string, (...args: any[]) => unknown>;

/** Functions as they are called from the other thread. */
export type Remote<Own extends Functions> = {
  readonly [Name in keyof Own]: (
    ...args: Parameters<Own[Name]>
  ) => Promise<Awaited<ReturnType<Own[Name]>>>;
};

/** In a worker: answers calls one after another. */
export function answerCalls(functions: Functions): void {
  const scope = globalThis as unknown as {
    onmessage: ((event: MessageEvent<Call>) => void) | null;
    postMessage(answer: Answer): void;
  };
  let last: Promise<void> = Promise.resolve();
  const answer = async ({ id, name, args }: Call) => {
    try {
      scope.postMessage({ id, value: await functions[name](...args) });
    } catch (error) {
      const isExpected = error instanceof Error && error.name === "UserError";
      if (!isExpected) console.error(error);
      scope.postMessage({ id, error: messageOf(error), isExpected });
    }
  };
  scope.onmessage = ({ data }) => last = last.then(() => answer(data));
}

/** On the page: the functions of a worker. Each promise rejects with the reason that the worker gave. */
export function callWorker<Own extends Functions>(worker: Worker): Remote<Own> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    const call = waiting.get(data.id);
    waiting.delete(data.id);
    if ("error" in data) call?.reject(new Error(data.error));
    else call?.resolve(data.value);
  };
  worker.onerror = ({ message }) => {
    for (const call of waiting.values()) call.reject(new Error(message || "The worker stopped"));
    waiting.clear();
  };
  let next = 0;
  return new Proxy({} as Remote<Own>, {
    get: (_, name: string) => (...args: unknown[]) => {
      const call = Promise.withResolvers<unknown>();
      const id = next++;
      waiting.set(id, call);
      worker.postMessage({ id, name, args } satisfies Call);
      return call.promise;
    },
  });
}
