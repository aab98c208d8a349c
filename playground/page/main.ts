/** The page: what is on it, and what happens when. @module */

/// <reference lib="dom" />

import type { GivenFile } from "../../checkpoints/store/given_files.ts";
import { formatCount } from "../../core/number_formats.ts";
import { messageOf } from "../../core/errors.ts";
import { givenFiles } from "../given_files.ts";
import type { PlaygroundServices } from "../services.ts";
import { mountTraining } from "../training/mount_training.ts";
import { mountAttention } from "./attention_section.ts";
import { byId } from "./draw.ts";
import { fileDrops } from "./file_drops.ts";
import type { PageState } from "./page_state.ts";
import { PictureList } from "./picture_list.ts";
import { drawCrops, drawFeatures, drawPredictions } from "./sheets.ts";
import { StudioThread } from "./studio_thread.ts";
import { mountTokens } from "./tokens_section.ts";
import { drawWhenSeen } from "./when_seen.ts";

const backend = byId<HTMLSelectElement>("backend");

const chosenBackend: PlaygroundServices["backend"] = () =>
  backend.value as ReturnType<PlaygroundServices["backend"]>;

function say(text: string): void {
  byId("status").textContent = text;
}

function tell(problem: unknown): void {
  const place = byId("problem");
  place.hidden = problem === null;
  place.textContent = problem === null ? "" : messageOf(problem);
}

const thread = new StudioThread();
const pictures: PictureList = new PictureList({
  add: (id, image) => void thread.studio.addPicture(id, image),
  remove: (id) => void thread.studio.removePicture(id),
  changed: () => drawAll(),
  tell,
});
const state: PageState = {
  get studio() {
    return thread.studio;
  },
  get tokenizer() {
    return thread.tokenizer!;
  },
  get model() {
    return thread.model;
  },
  get names() {
    return pictures.names;
  },
  tell,
};

/** Draws a section again when it is seen, if there is something to show. */
function section(id: string, needs: "model" | null, draw: () => Promise<readonly Node[]>) {
  return drawWhenSeen(byId(id), () => {
    if (pictures.names.size === 0) throw new Error("There are no pictures: choose some above.");
    if (needs === "model" && state.model === null) {
      throw new Error("There is no model: load one above, or train one below.");
    }
    return draw();
  }, id === "tokens");
}

/** The number on a slider of blocks, from 1 on the page. */
function block(id: string, change: () => void): () => number {
  const slider = byId<HTMLInputElement>(id);
  const output = slider.nextElementSibling as HTMLOutputElement;
  slider.addEventListener("input", () => {
    output.value = slider.value;
    change();
  });
  return () => Number(slider.value) - 1;
}

function showDepth(depth: number): void {
  for (const id of ["attention-block", "features-block"]) {
    const slider = byId<HTMLInputElement>(id);
    slider.max = String(depth);
    slider.value = slider.max;
    (slider.nextElementSibling as HTMLOutputElement).value = slider.value;
  }
}

const seeds = { crops: 0, masks: 0 };
const drawTokens = section("tokens", null, mountTokens(state));
const redrawCrops = section("crops", null, () => drawCrops(state, seeds.crops));
const redrawPredictions = section(
  "predictions",
  "model",
  () => drawPredictions(state, seeds.masks),
);
const attend = mountAttention(state);
const attentionBlock = block("attention-block", () => redrawAttention());
const redrawAttention = section("attention", "model", () => attend(attentionBlock()));
const featuresBlock = block("features-block", () => redrawFeatures());
const redrawFeatures = section("features", "model", () => drawFeatures(state, featuresBlock()));

byId("redraw").addEventListener("click", () => {
  seeds.crops++;
  redrawCrops();
});
byId("remask").addEventListener("click", () => {
  seeds.masks++;
  redrawPredictions();
});

function drawAll(): Promise<void> {
  redrawCrops();
  redrawPredictions();
  redrawAttention();
  redrawFeatures();
  return drawTokens();
}

/** The model that comes with the page. */
const bundled = "beit_quickstart.safetensors";

function showModel(): void {
  const { model, tokenizer } = thread;
  const parts = [
    `Tokenizer ${tokenizer!.name}: ${tokenizer!.codes} codes on ${tokenizer!.grid} × ` +
    `${tokenizer!.grid} patches.`,
  ];
  if (model !== null) {
    const { name, depth, heads, imageSize, parameters } = model;
    parts.unshift(
      `${name}: ${depth} blocks of ${heads} heads, ${formatCount(parameters)} parameters, ` +
        `images of ${imageSize} px.`,
    );
    if (name === bundled) parts.push("Both were trained on pictures of clothes.");
    showDepth(depth);
  }
  byId("model").textContent = parts.join(" ");
}

async function load(files: readonly GivenFile[]): Promise<void> {
  await thread.load(files);
  showModel();
  await drawAll();
}

/** Loads what was chosen, and says what is wrong with it. */
async function loadChosen(files: readonly File[]): Promise<void> {
  tell(null);
  say("Loading …");
  try {
    await load(givenFiles(files));
    say(`Loaded ${thread.model?.name ?? thread.tokenizer!.name}`);
  } catch (error) {
    say("");
    tell(error);
  }
}

for (const id of ["weights", "folder"]) {
  const input = byId<HTMLInputElement>(id);
  input.addEventListener("change", async () => {
    await loadChosen([...input.files!]);
    input.value = "";
  });
}
fileDrops((files) => {
  const images = files.filter(({ type }) => type.startsWith("image/"));
  if (images.length > 0) pictures.addFiles(images);
  else loadChosen(files);
});

async function start(): Promise<void> {
  say("Starting …");
  await thread.start(chosenBackend());
  for (const [id, { image }] of pictures.pictures) thread.studio.addPicture(id, image);
  await thread.loadAgain();
  showModel();
  const { name, description } = thread.backend!;
  say(`Computing on ${name}: ${description}`);
}

backend.addEventListener("change", async () => {
  tell(null);
  // What a worker was asked before another took its place is never answered.
  backend.disabled = true;
  try {
    await start();
  } catch (error) {
    tell(error);
    backend.value = "auto";
    await start();
  }
  backend.disabled = false;
  backend.focus();
  await drawAll();
});

try {
  await Promise.all([start(), pictures.addSamples()]);
  await drawTokens();
  const seconds = (performance.now() / 1000).toFixed(1);
  say(
    `${byId("status").textContent}. Tokens of ${pictures.names.size} pictures after ${seconds} s`,
  );
} catch (error) {
  say("");
  tell(error);
}
// Its worker is not to hold up the first tokens.
mountTraining(byId("training"), {
  backend: chosenBackend,
  useModel: (files) => load(files.map((file) => ({ path: file.name, content: file }))),
  announce: (text) => byId("announcements").textContent = text,
});

try {
  const content = await (await fetch(`assets/${bundled}`)).blob();
  await load([{ path: bundled, content }]);
} catch (error) {
  tell(error);
}
backend.disabled = false;
document.documentElement.dataset.state = "ready";
