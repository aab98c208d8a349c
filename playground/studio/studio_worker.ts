/** The studio's thread. @module */

import type { BackendName } from "../../backends/mod.ts";
import type { PretrainConfig } from "../../methods/beit/config.ts";
import type { GivenFile } from "../../checkpoints/store/given_files.ts";
import type { RgbImage } from "../../data/images/image.ts";
import { answerCalls } from "./calls.ts";
import { Studio } from "./studio.ts";

let started: Studio | null = null;

function studio(): Studio {
  if (started === null) throw new Error("start() comes first");
  return started;
}

const functions = {
  async start(backend: BackendName) {
    const config: PretrainConfig = await (await fetch("quickstart.json")).json();
    started = await Studio.start(backend, config);
    return { backend: started.facts, tokenizer: await started.tokenizerFacts() };
  },
  addPicture: (id: string, image: RgbImage) => studio().addPicture(id, image),
  removePicture: (id: string) => studio().removePicture(id),
  load: (files: readonly GivenFile[]) => studio().load(files),
  tokens: () => studio().tokens(),
  code: (code: number) => studio().code(code),
  crops: (seed: number) => studio().crops(seed),
  predict: (seed: number) => studio().predict(seed),
  attention: (layer: number, patch: readonly [number, number] | null) =>
    studio().attention(layer, patch),
  features: (layer: number) => studio().features(layer),
};

/** What the page may call. */
export type StudioFunctions = typeof functions;

answerCalls(functions);
