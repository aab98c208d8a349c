/** The section that trains a model in the page. @module */

import type { PlaygroundServices } from "../services.ts";

/** Fills the section. */
export function mountTraining(section: HTMLElement, _services: PlaygroundServices): void {
  section.hidden = true;
}
