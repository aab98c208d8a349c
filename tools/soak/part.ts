/**
 * What the parts of the soak have in common: what each is asked, and what it finds.
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

/** What a part did. */
export interface PartResult {
  readonly name: string;
  /** What a case of it is, for the table. */
  readonly title: string;
  readonly seed: number;
  /** Cases that count: of kills those that hit a running process. */
  readonly cases: number;
  /** How cases ended, by the name of the ending. */
  readonly endings: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  readonly seconds: number;
  /** Most resident memory of a process that worked on cases, bytes; null where it is not watched. */
  readonly peakBytes: number | null;
  /** What the memory is held against, bytes. */
  readonly limitBytes: number | null;
}

/** What a part is asked. */
export interface PartOptions {
  readonly seed: number;
  /** Cases after which it is done. */
  readonly cases: number;
  /** Milliseconds since the epoch of `performance.now()` after which no case is begun. */
  readonly deadline: number;
  /** A folder of its own. */
  readonly scratch: string;
  /** Processes at once. */
  readonly jobs: number;
  /** The one case to run, or null for all. */
  readonly only: number | null;
  /** Told of every case that is done. */
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

/** Collects what a part does. */
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

/** Works on cases `0, 1, …` in turn, some at once, until enough are counted or time is up. */
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
