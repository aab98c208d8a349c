/**
 * What a run has left behind, so that an interrupted one can be compared with an uninterrupted one.
 *
 * @module
 */

import { readRecords } from "../../checkpoints/store/event_file.ts";
import { latestCheckpoint } from "../../checkpoints/store/store.ts";

/** The numbers of a run, by where they were found. */
export interface RunRecord {
  /** `step loss` of each line of the metrics, in their order. */
  readonly losses: readonly string[];
  /** `name step result` of each evaluation. */
  readonly evaluations: readonly string[];
  /** Steps of which `events.jsonl` tells a checkpoint. */
  readonly checkpoints: readonly number[];
  /** Times that TensorBoard's files hold each step, and each evaluation's figures. */
  readonly tensorBoard: readonly string[];
  /** Step of the latest complete checkpoint; −1 without one. */
  readonly saved: number;
  readonly broken: number;
  /** The run's result, without what differs between directories; null if there is none. */
  readonly result: string | null;
}

/** Lines of a log, each of which must be JSON. */
function linesOf(path: string): Record<string, unknown>[] {
  const text = Deno.readTextFileSync(path);
  if (text !== "" && !text.endsWith("\n")) throw new Error(`${path} ends within a line`);
  return text.split("\n").slice(0, -1).map((line, index) => {
    try {
      return JSON.parse(line);
    } catch {
      throw new Error(`${path}: line ${index + 1} is not JSON: ${line.slice(0, 80)}`);
    }
  });
}

/** What TensorBoard's files of a run say, as `tag step`. */
function tensorBoardEntries(directory: string): string[] {
  const entries: string[] = [];
  for (const { name } of [...Deno.readDirSync(directory)]) {
    if (!name.includes("tfevents")) continue;
    const bytes = Deno.readFileSync(`${directory}/${name}`);
    let end = 0;
    for (const { content, end: at } of readRecords(bytes)) {
      end = at;
      const text = new TextDecoder().decode(content);
      const tag = /time\/stepTime|evaluation\/[\w .-]+\/\w+/.exec(text)?.[0];
      if (tag !== undefined) entries.push(tag === "time/stepTime" ? "step" : tag);
    }
    if (end !== bytes.length) throw new Error(`${name} ends within a record`);
  }
  return entries.sort();
}

function resultOf(directory: string): string | null {
  let text: string;
  try {
    text = Deno.readTextFileSync(`${directory}/result.json`);
  } catch {
    return null;
  }
  return JSON.stringify(
    JSON.parse(text),
    (key, value) => key === "directory" || /seconds|path|file/i.test(key) ? undefined : value,
  );
}

/** Reads a run's directory; throws if something in it is incomplete. */
export function readRun(directory: string): RunRecord {
  const events = linesOf(`${directory}/events.jsonl`);
  const { checkpoint, broken } = latestCheckpoint(directory);
  return {
    losses: linesOf(`${directory}/metrics.jsonl`).map(({ step, loss }) => `${step} ${loss}`),
    evaluations: events.filter(({ type }) => type === "evaluation")
      .map(({ name, step, result }) => `${name} ${step} ${JSON.stringify(result)}`),
    checkpoints: events.filter(({ type }) => type === "checkpoint")
      .map(({ step }) => step as number),
    tensorBoard: tensorBoardEntries(directory),
    saved: checkpoint?.step ?? -1,
    broken: broken.length,
    result: resultOf(directory),
  };
}

/** The first place where two lists differ, in words; null if they are equal. */
function difference(what: string, found: readonly string[], wanted: readonly string[]) {
  for (let i = 0; i < Math.max(found.length, wanted.length); i++) {
    if (found[i] === wanted[i]) continue;
    return `${what} ${i + 1} of ${wanted.length}: expected ${wanted[i] ?? "no more"}, ` +
      `found ${found[i] ?? "no more"}`;
  }
  return null;
}

/**
 * What of an interrupted run is not as in one that was never interrupted, in words.
 *
 * @param savesMore whether it may hold more checkpoints, as one that was asked to stop
 */
export function compareRuns(found: RunRecord, wanted: RunRecord, savesMore: boolean): string[] {
  // The fixed images are looked at whenever a checkpoint is saved.
  const counted = (list: readonly string[]) =>
    list.filter((entry) => !savesMore || !entry.includes("fixed images")).sort();
  const problems = [
    difference("loss", found.losses, wanted.losses),
    difference("evaluation", counted(found.evaluations), counted(wanted.evaluations)),
    difference("entry of TensorBoard", counted(found.tensorBoard), counted(wanted.tensorBoard)),
  ];
  const saved = found.checkpoints;
  if (new Set(saved).size < saved.length) problems.push(`checkpoints told twice: ${saved}`);
  if (!savesMore && saved.join() !== wanted.checkpoints.join()) {
    problems.push(`checkpoints told: expected ${wanted.checkpoints}, found ${saved}`);
  }
  if (found.saved !== wanted.saved) {
    problems.push(`last checkpoint: expected step ${wanted.saved}, found ${found.saved}`);
  }
  if (found.broken > 0) problems.push(`${found.broken} broken checkpoints`);
  if (found.result === null || found.result !== wanted.result) {
    problems.push(`result: expected ${wanted.result}, found ${found.result}`);
  }
  return problems.filter((problem) => problem !== null);
}
