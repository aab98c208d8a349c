/**
 * The worker that trains in the playground: the command line's `pretrain` with its run's folder on the page's
 * disk, which the browser keeps at every save.
 *
 * @module
 */

// First: the program finds its files there.
import { pageDisk } from "../disk/page_deno.ts";
import { createBackend } from "../../backends/mod.ts";
import { openModel } from "../../checkpoints/open_model.ts";
import { messageOf, UserError } from "../../core/errors.ts";
import type { PretrainConfig } from "../../methods/beit/config.ts";
import { pretrain } from "../../methods/beit/method.ts";
import { bundledTokenizers, tokenizerNameOf } from "../../methods/vqkd/load_tokenizer.ts";
import type { RunEvent } from "../../pipeline/engine/events.ts";
import { runConfig } from "../../pipeline/images/preparation.ts";
import { openTrainingSource } from "../../pipeline/images/data_sources.ts";
import type { TrainingChoice, TrainingNews, TrainingRequest } from "./messages.ts";
import { RunFolder } from "./run_folder.ts";
import { smallPicture } from "./small_picture.ts";
import {
  dataOf,
  picturesFolder,
  trainingConfig,
  weightsFolder,
  weightsPath,
} from "./training_config.ts";

declare function postMessage(news: TrainingNews): void;

const folder = new RunFolder(pageDisk, (reason) => postMessage({ type: "unsaved", reason }));
let stopping = new AbortController();

/** Passes on what the page shows. */
function tell(event: RunEvent): void {
  switch (event.type) {
    case "start": {
      const { step, totalSteps } = event;
      postMessage({ type: "begun", run: step === 0 ? null : folder.read(), totalSteps });
      break;
    }
    case "step":
      postMessage({ type: "step", metrics: event.metrics });
      break;
    case "evaluation":
      postMessage(event);
      break;
    case "progress": {
      const { what, done, total } = event;
      postMessage({ type: "progress", what, share: total === null ? null : done / total });
      break;
    }
    case "checkpoint":
      save(event.step);
      break;
    case "note":
    case "warning":
      postMessage({ type: "note", message: event.message });
  }
}

/** Keeps the run as it is now; training goes on meanwhile. */
async function save(step: number): Promise<void> {
  if (await folder.save()) postMessage({ type: "saved", step });
}

/** The bundled tokenizer whose codes weights predict; undefined if they do not say. */
async function tokenizerOfWeights(path: string): Promise<string | undefined> {
  const opened = await openModel(path);
  opened.close();
  const { tokenizer = tokenizerNameOf(runConfig(path)) } = opened;
  return tokenizer !== undefined && tokenizer in bundledTokenizers ? tokenizer : undefined;
}

/** The config of a new run, whose files are put on the disk. */
async function begin(choice: TrainingChoice): Promise<PretrainConfig> {
  folder.clear();
  for (const { path, content } of choice.pictures ?? []) {
    folder.put(`${picturesFolder}/${path}`, await smallPicture(content));
  }
  for (const { path, content } of choice.weights ?? []) {
    folder.put(`${weightsFolder}/${path}`, new Uint8Array(await content.arrayBuffer()));
  }
  const response = await fetch(new URL("./quickstart.json", import.meta.url));
  const quickstart: PretrainConfig = await response.json();
  const source = await openTrainingSource(dataOf(quickstart, choice));
  const { length } = source;
  source.close?.();
  const known = choice.weights === null
    ? undefined
    : await tokenizerOfWeights(weightsPath(choice.weights));
  return trainingConfig(quickstart, choice, length, known);
}

async function train(request: TrainingRequest & { type: "start" | "goOn" }): Promise<void> {
  stopping = new AbortController();
  const config = request.type === "start" ? await begin(request.choice) : folder.config;
  const { backend, notes } = await createBackend(request.backend);
  // What follows the reason is advice for the command line.
  for (const note of notes) postMessage({ type: "note", message: note.split(";")[0] });
  try {
    const { step, scheduleSteps } = await pretrain(config, {
      backend,
      directory: folder.path,
      listener: tell,
      signal: stopping.signal,
    });
    await save(step);
    postMessage({ type: "ended", step, isFinished: step >= scheduleSteps });
  } finally {
    await backend.dispose();
  }
}

async function answer(request: Exclude<TrainingRequest, { type: "stop" }>): Promise<void> {
  switch (request.type) {
    case "open": {
      const unsaved = await folder.open();
      postMessage({ type: "opened", run: folder.read(), unsaved });
      break;
    }
    case "start":
    case "goOn":
      await train(request);
      break;
    case "takeWeights": {
      postMessage({ type: "weights", file: await folder.weights() });
      break;
    }
    case "discard":
      folder.clear();
      await folder.save();
      postMessage({ type: "discarded" });
  }
}

/** What was asked for before. */
let earlier = Promise.resolve();

async function answerOrFail(request: Parameters<typeof answer>[0]): Promise<void> {
  try {
    await answer(request);
  } catch (error) {
    if (!(error instanceof UserError)) console.error(error);
    // Flags are advice for the command line.
    const message = messageOf(error).split("\n")[0].replace(/; [^;]* --\w.*$/, "");
    postMessage({ type: "failed", message });
  }
}

addEventListener("message", (event) => {
  const request = (event as MessageEvent<TrainingRequest>).data;
  if (request.type === "stop") stopping.abort();
  else earlier = earlier.then(() => answerOrFail(request));
});
