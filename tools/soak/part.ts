/**
 * What the parts of the soak have in common: their inputs and results.
 *
 * @module
 */

/** Something that must not happen. */
export interface Finding {
  /** The case, by which `--case` repeats it. */
  readonly case: string;
  /** What happened, such as "hung" or "other losses". */
  readonly what: string;
  readonly detail: string;
}

/** The results of a part. */
export interface PartResult {
  readonly name: string;
  /** A description of its cases, for the table. */
  readonly title: string;
  readonly seed: number;
  /** Cases that count: of kills, those that hit a running process. */
  readonly cases: number;
  /** How cases ended, by name of the ending. */
  readonly endings: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  readonly seconds: number;
  /** Peak resident memory of a process that worked on cases, in bytes; null if it is not supervised. */
  readonly peakBytes: number | null;
  /** The memory limit, in bytes. */
  readonly limitBytes: number | null;
}

/** The inputs of a part. */
export interface PartOptions {
  readonly seed: number;
  /** Number of cases after which it is done. */
  readonly cases: number;
  /** Milliseconds on the clock of `performance.now()` after which no case is started. */
  readonly deadline: number;
  /** A separate folder. */
  readonly scratch: string;
  /** Number of concurrent processes. */
  readonly jobs: number;
  /** The one case to run, or null for all. */
  readonly only: number | null;
  /** Called with every completed case. */
  readonly progress: (done: number) => void;
}

/** A part of the soak. */
export interface SoakPart {
  readonly name: string;
  readonly title: string;
  /** Cases of a whole soak. */
  readonly cases: number;
  run(options: PartOptions): Promise<PartResult>;
}

/** Collects the results of a part. */
export class Tally {
  readonly #endings = new Map<string, number>();
  readonly findings: Finding[] = [];
  readonly #seed: number;
  readonly #started = performance.now();
  cases = 0;
  peakBytes = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Counts an ending of a case. */
  count(ending: string): void {
    this.#endings.set(ending, (this.#endings.get(ending) ?? 0) + 1);
  }

  find(finding: Finding): void {
    this.findings.push(finding);
  }

  result(
    { name, title }: Pick<SoakPart, "name" | "title">,
    limitBytes: number | null = null,
  ): PartResult {
    return {
      name,
      title,
      seed: this.#seed,
      cases: this.cases,
      endings: Object.fromEntries([...this.#endings].sort((a, b) => b[1] - a[1])),
      findings: this.findings,
      seconds: Math.round((performance.now() - this.#started) / 1000),
      peakBytes: limitBytes === null ? null : this.peakBytes,
      limitBytes,
    };
  }
}

/** Works on cases `0, 1, …`, several at a time, until enough are counted or time is up. */
export async function eachCase(
  { cases, deadline, jobs, only, progress }: PartOptions,
  work: (index: number) => Promise<void>,
  counted?: () => number,
): Promise<void> {
  if (only !== null) return await work(only);
  let next = 0;
  let done = 0;
  const enough = counted ?? (() => next);
  const lane = async () => {
    while (enough() < cases && performance.now() < deadline) {
      await work(next++);
      done++;
      progress(counted?.() ?? done);
    }
  };
  await Promise.all(Array.from({ length: jobs }, lane));
}
