/// <reference lib="dom" />
/**
 * The run that the page trains: its folder on the page's disk, as the command line would write it, kept in the
 * browser with the pictures and weights it started from.
 *
 * @module
 */

import { convertCheckpoint } from "../../checkpoints/convert.ts";
import type { GivenFile } from "../../checkpoints/store/given_files.ts";
import { LogReader } from "../../checkpoints/store/append_log.ts";
import {
  eventsFile,
  finishedRun,
  metricsFile,
  readRunConfig,
} from "../../checkpoints/store/run_directory.ts";
import { latestCheckpoint } from "../../checkpoints/store/store.ts";
import { messageOf } from "../../core/errors.ts";
import type { PretrainConfig } from "../../methods/beit/config.ts";
import { tokenizerNameOf } from "../../methods/vqkd/load_tokenizer.ts";
import type { StepMetrics } from "../../pipeline/engine/events.ts";
import { hubPreprocessing, runConfig } from "../../pipeline/images/preparation.ts";
import type { EvaluationRecord } from "../../report/run_plots.ts";
import { KeptFiles } from "../disk/kept_files.ts";
import type { PageDisk } from "../disk/page_disk.ts";
import type { SavedRun } from "./messages.ts";

const storeName = "mimic training";
/** How long a page that was just left may take to let go of the run. */
const handOverMilliseconds = 2000;

/** Claims the run for this page until it is left; false if another page of this site has it. */
function claim(): Promise<boolean> {
  const signal = AbortSignal.timeout(handOverMilliseconds);
  return new Promise((resolve) => {
    navigator.locks.request(storeName, { signal }, () => {
      resolve(true);
      return new Promise(() => {});
    }).catch(() => resolve(false));
  });
}

/** See the module's description. */
export class RunFolder {
  readonly path = "/run";
  readonly #disk: PageDisk;
  readonly #onUnsaved: (reason: string) => void;
  #kept: KeptFiles | null = null;

  /** @param onUnsaved called once, if the browser no longer keeps anything */
  constructor(disk: PageDisk, onUnsaved: (reason: string) => void) {
    this.#disk = disk;
    this.#onUnsaved = onUnsaved;
  }

  /** Brings back what the browser has; returns why it keeps nothing, or null. */
  async open(): Promise<string | null> {
    if (!await claim()) return "another tab has the saved run";
    try {
      this.#kept = await KeptFiles.open(storeName, this.#disk);
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }

  /** Keeps everything as it is now; false if the browser does not. */
  async save(): Promise<boolean> {
    if (this.#kept === null) return false;
    try {
      await this.#kept.save();
      return true;
    } catch (error) {
      this.#kept = null;
      this.#onUnsaved(messageOf(error));
      return false;
    }
  }

  /** The run that is there; null if it has no checkpoint. */
  read(): SavedRun | null {
    const { checkpoint } = latestCheckpoint(this.path);
    if (checkpoint === undefined) return null;
    const { step } = checkpoint;
    // Whatever followed the checkpoint is repeated.
    const recordsOf = (log: string) =>
      [...new LogReader(`${this.path}/${log}`).read()].filter((record) => record.step <= step);
    const evaluations = recordsOf(eventsFile).filter(({ type }) => type === "evaluation");
    return {
      step,
      totalSteps: this.config.schedule.steps!,
      isFinished: finishedRun(this.path) !== null,
      metrics: recordsOf(metricsFile) as unknown as StepMetrics[],
      evaluations: evaluations as unknown as EvaluationRecord[],
    };
  }

  /** The config that the run was started with. */
  get config(): PretrainConfig {
    return (readRunConfig(this.path) as { config: PretrainConfig }).config;
  }

  /** Puts a file on the disk. */
  put(path: string, bytes: Uint8Array): void {
    this.#disk.makeFolder(path.slice(0, path.lastIndexOf("/")), true);
    this.#disk.createFile(path).write(0, bytes);
  }

  /** Empties the disk. */
  clear(): void {
    for (const { name } of this.#disk.list("/")) this.#disk.remove(`/${name}`, true);
  }

  /** The latest checkpoint's model as a file for everyone: names as they are, its sizes inside. */
  async weights(): Promise<GivenFile> {
    const { checkpoint } = latestCheckpoint(this.path);
    const name = `mimic-step-${checkpoint?.step ?? 0}.safetensors`;
    const path = `/${name}`;
    try {
      await convertCheckpoint(this.path, path, {
        to: "safetensors",
        preprocessing: hubPreprocessing(this.path),
        tokenizer: tokenizerNameOf(runConfig(this.path)),
      });
      return { path: name, content: new Blob([this.#disk.file(path).bytes]) };
    } finally {
      if (this.#disk.find(path) !== undefined) this.#disk.remove(path);
    }
  }
}
