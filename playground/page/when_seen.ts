/** Draws parts of the page when they are seen. @module */

/// <reference lib="dom" />

import { messageOf } from "../../core/errors.ts";
import { element } from "./draw.ts";

/** How far below the window a part is drawn in advance. */
const margin = "300px";

/**
 * Draws into `body` what `draw` returns, once it is near the window and whenever it has changed since. What it
 * throws is said in its place.
 *
 * @param isAlwaysDrawn whether it does not matter if it is seen
 * @returns to be called when what it shows has changed; resolves once it is drawn, which may be much later
 */
export function drawWhenSeen(
  body: HTMLElement,
  draw: () => Promise<readonly Node[]>,
  isAlwaysDrawn = false,
): () => Promise<void> {
  let [isSeen, isStale, isDrawing] = [isAlwaysDrawn, false, false];
  let waiting: PromiseWithResolvers<void> | null = null;
  const update = async () => {
    if (isDrawing || !isSeen || !isStale) return;
    isDrawing = true;
    body.ariaBusy = "true";
    while (isStale) {
      isStale = false;
      try {
        body.replaceChildren(...await draw());
      } catch (error) {
        body.replaceChildren(element("p", { className: "faint" }, messageOf(error)));
      }
    }
    isDrawing = false;
    body.ariaBusy = "false";
    waiting?.resolve();
    waiting = null;
  };
  if (!isAlwaysDrawn) {
    new IntersectionObserver((entries) => {
      isSeen = entries.at(-1)!.isIntersecting;
      update();
    }, { rootMargin: margin }).observe(body);
  }
  return () => {
    isStale = true;
    waiting ??= Promise.withResolvers();
    const { promise } = waiting;
    update();
    return promise;
  };
}
