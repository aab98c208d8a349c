/**
 * Records what happens in a run: `metrics.jsonl`, `events.jsonl`, `report.html` and TensorBoard's events.
 *
 * It listens to the run's events and decides nothing. Only the two logs are essential: if the report or
 * TensorBoard's file cannot be written, the run says so once and continues.
 *
 * @module
 */

import { LogReader } from "../../../checkpoints/store/append_log.ts";
import {
  eventsFile,
  type LogPositions,
  metricsFile,
  type RunDirectory,
} from "../../../checkpoints/store/run_directory.ts";
import type { RunConfig } from "../../../configs/task.ts";
import { now, wallTime } from "../../../core/clock.ts";
import type { LazyValues, NamedValues } from "../../../models/parameter_set.ts";
import type { RunEvent } from "../events.ts";
import { Elapsed } from "../../../report/elapsed.ts";
import { History } from "../../../report/history.ts";
import { fixedImages, type PictureSheet, pictureSheetHtml } from "../../../report/picture_sheet.ts";
import type { EvaluationRecord } from "../../../report/run_plots.ts";
import type {
  DataSummary,
  RejectedFile,
  RunReport,
  RunStatus,
} from "../../../report/run_report.ts";
import { flattenConfig } from "../../../report/tensorboard/hparams.ts";
import type { DrawPictures } from "./fixed_images.ts";
import { OptionalRecords } from "./optional_records.ts";
import { TensorBoardLog } from "./tensorboard_log.ts";

/** What is known about a run before its first step. */
export interface RecordedRun {
  readonly directory: RunDirectory;
  /** What it does, in words. */
  readonly title: string;
  readonly config: RunConfig;
  readonly origins: ReadonlyMap<string, string>;
  /** Device, versions and so on, for the report. */
  readonly facts: RunReport["facts"];
  /** Called if something cannot be written. */
  readonly warn: (message: string) => void;
}

/** The largest share of a run's time that updating the report between checkpoints may take. */
const reportShare = 0.005;
/** Seconds until the first report is written. */
const firstReportSeconds = 3;

/** The records of one run. */
export class RunRecorder {
  readonly #run: RecordedRun;
  readonly #history = new History();
  readonly #evaluations: EvaluationRecord[] = [];
  readonly #warnings: string[] = [];
  readonly #rejected = new Map<string, RejectedFile>();
  /** Events from before the logs were opened. */
  #early: RunEvent[] | null = [];
  #tensorBoard: TensorBoardLog | null = null;
  #data: DataSummary | null = null;
  #draw: DrawPictures | null = null;
  #pictures: RunReport["pictures"] = null;
  #status: RunStatus = "running";
  #step = 0;
  #scheduleSteps = 0;
  #parameters = 0;
  readonly #elapsed = new Elapsed();
  #page: typeof import("../../../report/run_report.ts") | null = null;
  #nextReport = now() + firstReportSeconds;
  readonly #records: OptionalRecords;
  #seconds = 0;

  constructor(run: RecordedRun) {
    this.#run = run;
    this.#records = new OptionalRecords(run.warn);
  }

  /**
   * Starts the records, or continues those of the completed steps.
   *
   * @param parameters trained parameters of the model
   * @param positions of the logs when the checkpoint was saved, if known
   */
  begin(step: number, parameters: number, positions: LogPositions | null = null): void {
    this.#timed(() => {
      const { directory, config } = this.#run;
      const missing = step > 0 ? directory.missingLogs : [];
      directory.startLogs(step, positions);
      this.#step = step;
      this.#parameters = parameters;
      if (step > 0) this.#remember();
      if (config.log.tensorBoard) {
        this.#records.write("TensorBoard's events", () => {
          this.#tensorBoard = new TensorBoardLog(directory.startTensorBoard(step, positions), step);
          this.#tensorBoard.start(config);
        });
      }
      const early = this.#early ?? [];
      this.#early = null;
      for (const event of early) this.#record(event);
      for (const name of missing) {
        this.#run.warn(`${name} is gone: its contents for the steps up to ${step} are lost`);
      }
    });
  }

  /** Takes over what earlier sessions of the run left. */
  #remember(): void {
    const { path } = this.#run.directory;
    for (const metrics of new LogReader(`${path}/${metricsFile}`).read()) {
      this.#history.add(metrics);
    }
    for (const record of new LogReader(`${path}/${eventsFile}`).read()) {
      const event = record as unknown as RunEvent;
      this.#elapsed.add(record);
      if (event.type === "evaluation" || event.type === "warning") this.#keep(event);
    }
  }

  /** A description of the data, for the report. */
  describeData(data: DataSummary): void {
    this.#data = data;
  }

  /** Draws pictures at every checkpoint. */
  setPictures(draw: DrawPictures): void {
    this.#draw = draw;
  }

  /** Pass every event of the run to this. */
  listen(event: RunEvent): void {
    if (event.type === "progress") return;
    this.#timed(() => {
      if (this.#early === null) this.#record(event);
      else this.#early.push(event);
    });
  }

  #record(event: RunEvent): void {
    if (event.type === "step") {
      this.#recordStep(event);
      return;
    }
    if (event.type === "start") {
      this.#step = event.step;
      this.#scheduleSteps = event.scheduleSteps ?? event.totalSteps;
    }
    if (event.type === "done") {
      const isCut = this.#step < this.#scheduleSteps;
      this.#status = event.interrupted
        ? "interrupted"
        : event.stoppedEarly
        ? "early"
        : isCut
        ? "cut"
        : "finished";
    }
    this.#keep(event);
    const { config: _, ...lean } = event as RunEvent & { config?: unknown };
    const about = event.type === "start" ? this.#about() : {};
    const record = { ...lean, ...about, step: this.#step, time: wallTime() };
    this.#elapsed.add(record);
    this.#run.directory.appendEvent(record);
    if (event.type === "evaluation") {
      const { step, name, result } = event;
      this.#records.write("TensorBoard's events", () => {
        this.#tensorBoard?.evaluation(step, name, result);
      });
      this.#nextReport = 0;
    }
  }

  /** What the list of runs shows about a run besides its numbers. */
  #about(): Record<string, string | number> {
    const { device = "", method } = Object.fromEntries(this.#run.facts);
    return { device, ...(method === undefined ? {} : { method }), parameters: this.#parameters };
  }

  /** Keeps the parts of an event that the report shows. */
  #keep(event: RunEvent): void {
    if (event.type === "evaluation") {
      const { step, name, result, confusion } = event;
      this.#evaluations.push({
        ...{ step, name, result },
        ...(confusion === undefined ? {} : { confusion }),
      });
    } else if (event.type === "warning") {
      if (event.file === undefined) this.#warnings.push(event.message);
      else this.#rejected.set(event.file.id, event.file);
    }
  }

  #recordStep({ metrics, totalSteps }: RunEvent & { type: "step" }): void {
    const { directory, config } = this.#run;
    this.#step = metrics.step;
    if (metrics.step % config.log.everySteps === 0 || metrics.step === totalSteps) {
      directory.appendMetrics(metrics);
    }
    this.#history.add(metrics);
    this.#records.write("TensorBoard's events", () => this.#tensorBoard?.step(metrics, totalSteps));
    if (now() >= this.#nextReport) this.#renewReport();
  }

  /**
   * What happens at a checkpoint: pictures, histograms and the report.
   *
   * @param tensors the checkpoint's contents by name
   */
  async checkpoint(
    step: number,
    tensors: ReadonlyMap<string, NamedValues | LazyValues>,
  ): Promise<void> {
    const start = now();
    const sheet = await this.#drawPictures(step);
    await this.#records.writeAsync(
      "TensorBoard's events",
      async () => await this.#tensorBoard?.moment(step, tensors, sheet),
    );
    await this.#loadPage();
    this.#writeReport();
    this.#seconds += now() - start;
  }

  async #drawPictures(step: number): Promise<PictureSheet | null> {
    const draw = this.#draw;
    const { report, tensorBoard } = this.#run.config.log;
    if (draw === null || this.#pictures?.step === step || !(report || tensorBoard)) return null;
    let drawn: PictureSheet | null = null;
    await this.#records.writeAsync("the pictures", async () => {
      const sheet = await draw();
      this.#pictures = { step, title: sheet.title, html: await pictureSheetHtml(sheet) };
      if (Object.keys(sheet.figures).length > 0) {
        this.#record({ type: "evaluation", step, name: fixedImages, result: sheet.figures });
      }
      drawn = sheet;
    });
    return drawn;
  }

  /** Writes the final report; call it however the run ended. */
  async close(): Promise<void> {
    if (this.#early !== null) return;
    const start = now();
    if (this.#status === "running") this.#status = "failed";
    await this.#loadPage();
    this.#writeReport();
    this.#records.write("TensorBoard's events", () => {
      this.#tensorBoard?.end(this.#step, ["finished", "early", "cut"].includes(this.#status));
      this.#tensorBoard?.close();
    });
    const seconds = this.#seconds + now() - start;
    const { directory } = this.#run;
    // A full disk must not hide the reason why the run ended.
    this.#records.write("events.jsonl", () => {
      directory.appendEvent({ step: this.#step, time: wallTime(), type: "recorded", seconds });
    });
  }

  async #loadPage(): Promise<void> {
    if (this.#run.config.log.report) this.#page ??= await import("../../../report/run_report.ts");
  }

  /** Updates the report between two steps, if its page is already loaded. */
  #renewReport(): void {
    if (!this.#run.config.log.report) {
      this.#nextReport = Infinity;
      return;
    }
    if (this.#page === null) {
      this.#nextReport = Infinity;
      this.#loadPage().then(
        () => this.#nextReport = 0,
        (error) => this.#records.fail("the report", error),
      );
      return;
    }
    this.#writeReport();
  }

  #writeReport(): void {
    const page = this.#page;
    if (page === null) return;
    const { directory, config } = this.#run;
    const start = now();
    this.#records.write("the report", () => {
      directory.writeText("report.html", page.runReportPage(this.#report()));
    });
    const cost = now() - start;
    this.#nextReport = now() + Math.max(config.log.reportSeconds, cost / reportShare);
  }

  #report(): RunReport {
    const { directory, title, config, origins, facts } = this.#run;
    const isRunning = this.#status === "running";
    return {
      name: directory.path.replace(/[/\\]+$/, "").split(/[/\\]/).pop()!,
      title,
      status: this.#status,
      time: wallTime(),
      step: this.#step,
      totalSteps: this.#scheduleSteps,
      elapsedSeconds: this.#elapsed.seconds(isRunning ? wallTime() : undefined),
      parameters: this.#parameters,
      history: this.#history,
      evaluations: this.#evaluations,
      warnings: this.#warnings,
      pictures: this.#pictures,
      config: Array.from(
        flattenConfig(config),
        ([key, value]) => [key, String(value), origins.get(key) ?? "default"] as const,
      ),
      facts: [...facts, ["recording took", `${this.#seconds.toFixed(1)} s`]],
      data: this.#data,
      rejected: [...this.#rejected.values()],
      refreshSeconds: isRunning ? config.log.reportSeconds : null,
    };
  }

  #timed(work: () => void): void {
    const start = now();
    try {
      work();
    } finally {
      this.#seconds += now() - start;
    }
  }
}
