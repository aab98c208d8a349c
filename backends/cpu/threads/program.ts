/**
 * A program: tasks in stages, handed to the threads as numbers in the shared memory.
 *
 * Items are numbered consecutively across all tasks, and threads take them in that order. An item
 * waits until every item of the earlier stages is done. Those have all been taken by then, by threads
 * that are working on them, so a thread may arrive late, or never, without holding anyone up.
 *
 * @module
 */

import * as exported from "../kernels/jobs.ts";
import { isJob, type Job, type JobArguments } from "./job.ts";

/** A job with its arguments. */
export interface Task {
  /** For profiles and errors. */
  readonly name: string;
  readonly job: Job;
  readonly values: JobArguments<string>;
  readonly items: number;
  /** Roughly how many multiplications all items take together. */
  readonly work: number;
  /** Scratch memory for each thread. */
  readonly scratchBytes?: number;
}

/** What a task needs besides its job's arguments. */
export type TaskOptions = Pick<Task, "items" | "work" | "scratchBytes">;

/** A task whose arguments are those of its job. */
export function task<Field extends string>(
  job: Job<Field>,
  values: JobArguments<Field>,
  options: TaskOptions,
): Task {
  return { name: job.name, job: job as Job, values, ...options };
}

/** A task with its place among the items of a program. */
export interface Step {
  readonly job: Job;
  readonly values: JobArguments<string>;
  /** Number of the first item, and one past the last. */
  readonly first: number;
  readonly end: number;
  /** How many items must be done before this step starts, and when its whole stage is done. */
  readonly after: number;
  readonly stageEnd: number;
}

/** The steps of all stages in order. */
export function toSteps(stages: readonly (readonly Task[])[]): Step[] {
  const steps: Step[] = [];
  let first = 0;
  for (const stage of stages) {
    const after = first;
    const stageEnd = stage.reduce((sum, { items }) => sum + items, first);
    for (const { job, values, items } of stage) {
      steps.push({ job, values, first, end: first + items, after, stageEnd });
      first += items;
    }
  }
  return steps;
}

/** Threads refer to a job by its index here. Sorted, since bundlers may reorder exports. */
const jobs = Object.values<unknown>(exported).filter(isJob)
  .toSorted((a, b) => a.name < b.name ? -1 : 1);
const jobNumbers = new Map(jobs.map((job, number) => [job, number]));

/** The threads' scratch memory: where the first thread's starts, and the size of each. */
export interface Scratch {
  readonly start: number;
  readonly bytes: number;
}

/** Writes what {@link readProgram} reads. */
export function writeProgram(
  steps: readonly Step[],
  { start, bytes }: Scratch,
  numbers: Float64Array,
): void {
  let place = 0;
  const write = (number: number) => numbers[place++] = number;
  [steps.length, start, bytes].forEach(write);
  for (const { job, values, first, end, after, stageEnd } of steps) {
    [jobNumbers.get(job)!, first, end, after, stageEnd].forEach(write);
    for (const field of job.fields) write(values[field]);
  }
  if (place > numbers.length) throw new Error(`Cannot hand over ${steps.length} tasks at once`);
}

export function readProgram(numbers: Float64Array): { steps: Step[]; scratch: Scratch } {
  let place = 0;
  const read = () => numbers[place++];
  const [length, start, bytes] = [read(), read(), read()];
  const steps = Array.from({ length }, () => {
    const job = jobs[read()];
    const [first, end, after, stageEnd] = [read(), read(), read(), read()];
    const values: Record<string, number> = {};
    for (const field of job.fields) values[field] = read();
    return { job, values, first, end, after, stageEnd };
  });
  return { steps, scratch: { start, bytes } };
}
