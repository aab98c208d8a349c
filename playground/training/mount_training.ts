/// <reference lib="dom" />

/**
 * The section of the playground that trains a model, stops, goes on after a reload and gives the weights away.
 *
 * @module
 */

import { type GivenFile, haveWeights } from "../../checkpoints/store/given_files.ts";
import { messageOf } from "../../core/errors.ts";
import type { PlaygroundServices } from "../services.ts";
import { droppedFiles } from "../page/file_drops.ts";
import { filesIn } from "../given_files.ts";
import type { TrainingChoice, TrainingNews, TrainingRequest } from "./messages.ts";
import { RunProgress } from "./run_progress.ts";
import { TrainingPanel } from "./training_panel.ts";

/** Milliseconds between drawings of the curves. */
const drawMilliseconds = 500;
/** Parts of a run after each of which screen readers say how far it is. */
const announcedParts = 10;

/** What tests make smaller than the quick start: `?batch=4&save=2&knn=2`. */
function sizes(): Pick<TrainingChoice, "batchSize" | "saveSteps"> & {
  readonly knnSteps: number | null;
} {
  const query = new URLSearchParams(location.search);
  return {
    batchSize: Number(query.get("batch") ?? 16),
    saveSteps: Number(query.get("save") ?? 100),
    knnSteps: query.has("knn") ? Number(query.get("knn")) : null,
  };
}

function download({ path, content }: GivenFile): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = path;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function describeProgress(what: string, share: number | null): string {
  return share === null ? what : `${what}, ${Math.floor(100 * share)} %`;
}

/** The section at work. */
class TrainingSection {
  readonly #panel: TrainingPanel;
  readonly #services: PlaygroundServices;
  #worker: Worker;
  #run: RunProgress | null = null;
  #pictures: readonly GivenFile[] = [];
  /** What a new run starts from: a file, or a run's folder. */
  #weights: readonly GivenFile[] = [];
  /** The last step that the browser has; null if it has no run. */
  #savedStep: number | null = null;
  /** Whether the browser keeps the run. */
  #isKept = false;
  #isFinished = false;
  #isTraining = false;
  #isStopping = false;
  /** Whether something other than steps is being computed, such as k-NN. */
  #isBesideSteps = false;
  /** Why a run did not start, until the page has what was there before. */
  #failure: string | null = null;
  #drawing: ReturnType<typeof setTimeout> | null = null;
  #onWeights: ((file: GivenFile) => void) | null = null;

  constructor(section: HTMLElement, services: PlaygroundServices) {
    this.#services = services;
    this.#panel = new TrainingPanel(section);
    this.#worker = this.#startWorker();
    const { form } = this.#panel;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start();
    });
    this.#on("goOn", () => this.#goOn());
    this.#on("stop", () => this.#stop());
    this.#on("download", () => this.#takeWeights(download));
    this.#on("use", () => this.#takeWeights((file) => this.#use(file)));
    this.#on("discard", () => this.#discard());
    for (const name of ["weights", "run"] as const) {
      const input = this.#panel.input(name);
      input.addEventListener("change", () => this.#startFrom(filesIn(input.files!)));
    }
    for (const name of ["pictures", "folder"] as const) {
      const input = this.#panel.input(name);
      input.addEventListener("change", () => this.#take(filesIn(input.files!)));
    }
    section.addEventListener("dragover", (event) => event.preventDefault());
    section.addEventListener("drop", async (event) => {
      event.preventDefault();
      if (this.#isTraining) return;
      const files = filesIn(await droppedFiles(event.dataTransfer!));
      if (haveWeights(files)) this.#startFrom(files);
      else this.#take(files);
    });
  }

  #on(name: Parameters<TrainingPanel["button"]>[0], work: () => void): void {
    this.#panel.button(name).addEventListener("click", work);
  }

  #startWorker(): Worker {
    const worker = new Worker(new URL("./training_worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<TrainingNews>) => this.#hear(data));
    worker.addEventListener("error", ({ message }) => this.#fail(message ?? "it did not start"));
    worker.postMessage({ type: "open" } satisfies TrainingRequest);
    return worker;
  }

  #ask(request: TrainingRequest): void {
    this.#worker.postMessage(request);
  }

  #take(files: readonly GivenFile[]): void {
    this.#pictures = files;
    this.#panel.showPictures(files.length);
  }

  #startFrom(files: readonly GivenFile[]): void {
    this.#weights = files;
    this.#panel.showWeights(files.map(({ path }) => path));
  }

  /** Whether a run that is there may be lost. */
  #mayReplace(): boolean {
    return this.#savedStep === null || confirm("The saved run will be deleted.");
  }

  #start(): void {
    const isOwn = this.#panel.input("images").value === "own";
    if (isOwn && this.#pictures.length === 0) {
      this.#panel.say("Choose or drop pictures first.");
      return;
    }
    if (!this.#mayReplace()) return;
    const steps = Number(this.#panel.input("steps").value);
    const { knnSteps, ...rest } = sizes();
    const choice: TrainingChoice = {
      ...rest,
      steps,
      knnSteps: knnSteps ?? Math.ceil(steps / 3),
      pictures: isOwn ? this.#pictures : null,
      weights: this.#weights.length === 0 ? null : this.#weights,
    };
    this.#run = null;
    this.#savedStep = null;
    this.#panel.clearNotes();
    this.#begin({ type: "start", choice, backend: this.#services.backend() });
  }

  #goOn(): void {
    this.#begin({ type: "goOn", backend: this.#services.backend() });
  }

  #begin(request: TrainingRequest): void {
    this.#isTraining = true;
    this.#isStopping = this.#isBesideSteps = false;
    this.#say("Starting …");
    this.#show();
    this.#ask(request);
  }

  #stop(): void {
    this.#isStopping = true;
    this.#ask({ type: "stop" });
    this.#say("Stopping after this step …");
    this.#cutShort();
  }

  /**
   * Ends the worker where it computes something other than steps and the browser has all of them: going on repeats
   * only that.
   */
  #cutShort(): void {
    const hasAll = this.#isKept && this.#savedStep === this.#run?.step;
    if (!this.#isStopping || !this.#isBesideSteps || !hasAll) return;
    this.#isTraining = false;
    this.#restart();
    this.#rest(`Stopped, ${this.#place()}.`);
  }

  #takeWeights(then: (file: GivenFile) => void): void {
    this.#onWeights = then;
    this.#ask({ type: "takeWeights" });
  }

  async #use({ path, content }: GivenFile): Promise<void> {
    try {
      await this.#services.useModel([new File([content], path)]);
      this.#say("The page uses this model now.");
    } catch (error) {
      this.#say(messageOf(error));
    }
  }

  #discard(): void {
    if (this.#mayReplace()) this.#ask({ type: "discard" });
  }

  #hear(news: TrainingNews): void {
    switch (news.type) {
      case "opened":
        this.#isKept = news.unsaved === null;
        if (news.unsaved !== null) this.#noteUnsaved(news.unsaved);
        // It was asked to go on before it had answered.
        if (this.#isTraining) break;
        this.#run = news.run === null ? null : new RunProgress(news.run);
        this.#savedStep = news.run?.step ?? null;
        this.#isFinished = news.run?.isFinished ?? false;
        this.#rest(
          this.#failure ?? (this.#run === null ? "" : `A run is saved, ${this.#place()}.`),
        );
        this.#failure = null;
        break;
      case "begun":
        this.#run = new RunProgress(news.run);
        this.#run.totalSteps = news.totalSteps;
        this.#isFinished = false;
        this.#say(`Training${news.run === null ? "" : ` goes on after step ${news.run.step}`}.`);
        break;
      case "step": {
        const { step, totalSteps } = this.#run!;
        const partOf = (at: number) => Math.floor(announcedParts * at / totalSteps);
        this.#run!.addStep(news.metrics);
        this.#isBesideSteps = false;
        if (partOf(news.metrics.step) > partOf(step)) this.#services.announce(this.#place());
        if (!this.#isStopping) this.#panel.say("Training.");
        this.#draw();
        break;
      }
      case "evaluation":
        this.#run?.addEvaluation(news);
        this.#draw();
        break;
      case "progress":
        this.#isBesideSteps = true;
        if (this.#isStopping) this.#cutShort();
        else this.#panel.say(describeProgress(news.what, news.share));
        break;
      case "note":
        this.#panel.note(news.message);
        break;
      case "saved":
        this.#savedStep = this.#run!.savedStep = news.step;
        this.#draw();
        this.#cutShort();
        break;
      case "unsaved":
        this.#isKept = false;
        this.#noteUnsaved(news.reason);
        break;
      case "ended":
        this.#isTraining = false;
        this.#isFinished = news.isFinished;
        this.#savedStep = news.step;
        this.#rest(news.isFinished ? "Finished." : `Stopped, ${this.#place()}.`);
        break;
      case "weights":
        this.#onWeights?.(news.file);
        break;
      case "discarded":
        this.#run = null;
        this.#savedStep = null;
        this.#panel.clearNotes();
        this.#rest("The run is deleted.");
        break;
      case "failed":
        this.#fail(news.message);
    }
  }

  #noteUnsaved(reason: string): void {
    this.#panel.note(
      `Nothing is saved: ${reason}. Training works, and is lost when the page is left.`,
    );
  }

  #place(): string {
    const { step, totalSteps } = this.#run!;
    return `step ${step} of ${totalSteps}`;
  }

  #fail(message: string): void {
    const isLost = this.#isTraining && this.#isKept && this.#savedStep === null;
    this.#isTraining = false;
    if (isLost) {
      // An earlier run is still in the browser.
      this.#failure = message;
      this.#restart();
    } else this.#rest(message);
  }

  #restart(): void {
    this.#worker.terminate();
    this.#worker = this.#startWorker();
  }

  #rest(text: string): void {
    this.#isBesideSteps = false;
    this.#show();
    this.#draw();
    this.#say(text);
  }

  /** Says something that screen readers also say. */
  #say(text: string): void {
    this.#panel.say(text);
    this.#services.announce(text);
  }

  #show(): void {
    const step = this.#savedStep;
    this.#panel.show(
      this.#isTraining
        ? { kind: "training" }
        : { kind: "idle", savedStep: this.#isFinished ? null : step, hasWeights: step !== null },
    );
  }

  #draw(): void {
    this.#drawing ??= setTimeout(() => {
      this.#drawing = null;
      this.#panel.draw(this.#run);
    }, drawMilliseconds);
  }
}

/** Fills the section and looks for a saved run. */
export function mountTraining(section: HTMLElement, services: PlaygroundServices): void {
  new TrainingSection(section, services);
}
