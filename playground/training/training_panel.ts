/// <reference lib="dom" />

/** What the training section consists of, and what is on it in each state. @module */

import { figureCards } from "../../report/html.ts";
import type { RunProgress } from "./run_progress.ts";

const content = `
<h2 id="training-title">Train a model</h2>
<p>The quick start of <code>deno task pretrain</code>: a small BEiT v2 learns to predict the tokens of hidden
patches. It trains on this machine; the run is kept in this browser, so that it goes on after a reload.</p>
<form>
  <fieldset>
    <legend>New run</legend>
    <label>Images
      <select name="images">
        <option value="sample">Clothes, 5600 pictures in 10 classes</option>
        <option value="own">My own pictures</option>
      </select>
    </label>
    <label>Steps <input name="steps" type="number" min="1" max="1000000" required value="1200"></label>
    <div class="own" hidden>
      <label class="button">Choose pictures<input name="pictures" type="file" multiple
        accept="image/*"></label>
      <label class="button">Choose a folder<input name="folder" type="file" webkitdirectory></label>
      <span class="chosen faint" role="status">or drop them here; k-NN needs a folder for each class</span>
    </div>
    <div>
      <label class="button">Start from a file<input name="weights" type="file"
        accept=".safetensors,.pth,.pt,.bin"></label>
      <label class="button">Start from a run's folder<input name="run" type="file" webkitdirectory></label>
      <span class="start faint" role="status">or from random weights</span>
    </div>
  </fieldset>
  <div class="controls">
    <button type="submit" name="start">Train</button>
    <button type="button" name="goOn" hidden></button>
    <button type="button" name="stop" hidden>Stop</button>
    <button type="button" name="download" hidden>Download weights</button>
    <button type="button" name="use" hidden>Use in this page</button>
    <button type="button" name="discard" hidden>Delete the run</button>
  </div>
</form>
<p class="state"></p>
<progress hidden aria-label="Training"></progress>
<div class="numbers"></div>
<div class="plots"></div>
<ul class="notes faint"></ul>
`;

/** What the section is doing. */
export type PanelState =
  | { readonly kind: "opening" }
  /** Nothing runs; `savedStep` of a run that can go on, null without one. */
  | { readonly kind: "idle"; readonly savedStep: number | null; readonly hasWeights: boolean }
  | { readonly kind: "training" };

/** The section's elements. */
export class TrainingPanel {
  readonly form: HTMLFormElement;
  readonly #section: HTMLElement;

  constructor(section: HTMLElement) {
    section.innerHTML = content;
    this.#section = section;
    this.form = this.#find("form");
    const images = this.input("images");
    images.addEventListener("change", () => this.#showOwn());
    this.show({ kind: "opening" });
  }

  #find<E extends Element>(selector: string): E {
    return this.#section.querySelector<E>(selector)!;
  }

  #showOwn(): void {
    this.#find<HTMLElement>(".own").hidden = this.input("images").value !== "own";
  }

  /** A field of the form. */
  input(
    name: "images" | "steps" | "pictures" | "folder" | "weights" | "run",
  ): HTMLInputElement {
    return this.#find(`[name=${name}]`);
  }

  /** A button of the form. */
  button(
    name: "start" | "goOn" | "stop" | "download" | "use" | "discard",
  ): HTMLButtonElement {
    return this.#find(`button[name=${name}]`);
  }

  /** Shows what can be done now. */
  show(state: PanelState): void {
    const isIdle = state.kind === "idle";
    const isTraining = state.kind === "training";
    const savedStep = isIdle ? state.savedStep : null;
    const hasWeights = isIdle && state.hasWeights;
    this.#find<HTMLFieldSetElement>("fieldset").disabled = !isIdle;
    this.button("start").hidden = isTraining;
    this.button("start").disabled = !isIdle;
    this.button("start").textContent = hasWeights ? "Train a new model" : "Train";
    this.button("goOn").hidden = savedStep === null;
    this.button("goOn").textContent = `Go on from step ${savedStep}`;
    this.button("stop").hidden = !isTraining;
    for (const name of ["download", "use", "discard"] as const) {
      this.button(name).hidden = !hasWeights;
    }
    this.#find<HTMLElement>("progress").hidden = !isTraining;
    this.#section.dataset.state = state.kind;
    this.#keepFocus();
  }

  /** A pressed button may be gone: the keyboard goes on at the one that is there instead. */
  #keepFocus(): void {
    const { activeElement } = document;
    if (!(activeElement instanceof HTMLButtonElement && this.form.contains(activeElement))) return;
    if (!activeElement.hidden) return;
    const names = ["stop", "goOn", "start"] as const;
    names.map((name) => this.button(name)).find(({ hidden }) => !hidden)?.focus();
  }

  /** Takes pictures instead of the clothes, or says how many were taken. */
  showPictures(count: number): void {
    this.input("images").value = "own";
    this.#showOwn();
    this.#find(".chosen").textContent = count === 1 ? "1 file" : `${count} files`;
  }

  /** Says what a new run starts from. */
  showWeights(paths: readonly string[]): void {
    this.#find(".start").textContent = paths.length === 1 ? paths[0] : `${paths.length} files`;
  }

  /** What is going on, in words. */
  say(text: string): void {
    this.#find(".state").textContent = text;
  }

  /** Something to know, below the curves; each only once. */
  note(text: string): void {
    const list = this.#find<HTMLElement>(".notes");
    if ([...list.children].some(({ textContent }) => textContent === text)) return;
    const item = document.createElement("li");
    item.textContent = text;
    list.append(item);
  }

  /** Removes the notes of an earlier run. */
  clearNotes(): void {
    this.#find(".notes").replaceChildren();
  }

  /** Numbers and curves as they are now. */
  draw(run: RunProgress | null): void {
    const progress = this.#find<HTMLProgressElement>("progress");
    progress.max = run?.totalSteps || 1;
    progress.value = run?.step ?? 0;
    const figures = run?.figures() ?? [];
    this.#find(".numbers").innerHTML = figures.length === 0 ? "" : figureCards(figures);
    this.#find(".plots").innerHTML = run?.plots().join("") ?? "";
  }
}
