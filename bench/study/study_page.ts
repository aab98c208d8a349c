/**
 * The page of a study: tables, plots and what remains to run, from its results alone.
 *
 * @module
 */

import type { Study } from "../../configs/study.ts";
import { linePlot, type PlotSeries } from "../../report/line_plot.ts";
import { markdownTable } from "../../report/markdown_table.ts";
import { featuresTables } from "./features_tables.ts";
import { tokenizerId } from "./parts.ts";
import type { StudyState } from "./run_study.ts";
import { tokenizerLines } from "./tokenizer_lines.ts";
import { DatasetSummary, formatSpread, percentLabel, type Spread } from "./summary.ts";

/** A page with its figures. */
export interface StudyPage {
  readonly markdown: string;
  /** SVG documents by file name. */
  readonly pictures: ReadonlyMap<string, string>;
}

/** What a page is made from. */
export interface StudyPageOptions {
  readonly study: Study;
  readonly state: StudyState;
  /** The command that ran the study. */
  readonly command: string;
  /** The file that the study was read from. */
  readonly config: string;
  /** The folder for figures, relative to the page. */
  readonly folder: string;
  /** Markdown about the results, written by a person. */
  readonly notes: string | null;
}

const thousands = (count: number) => String(count).replace(/\B(?=(\d{3})+$)/g, " ");
const tera = (cost: number) => (cost / 1e12).toFixed(1);

/** The arms of one data set that have the same setup, on a page. */
class DatasetSection {
  readonly #name: string;
  readonly #title: string;
  /** What the names of its pictures begin with. */
  readonly #prefix: string;
  /** Names and titles of its arms. */
  readonly #arms: readonly (readonly [arm: string, title: string])[];
  readonly #study: Study;
  readonly #summary: DatasetSummary;
  readonly #folder: string;
  readonly #describesTokenizers: boolean;
  readonly pictures = new Map<string, string>();

  /** @param setup null for the arms that have none, where the tokenizers are described too */
  constructor(name: string, setup: string | null, { study, state, folder }: StudyPageOptions) {
    const { title } = study.datasets[name];
    this.#name = name;
    this.#title = setup === null ? title : `${title}, ${study.setups[setup].title}`;
    this.#prefix = setup === null ? name : `${name}-${setup}`;
    this.#describesTokenizers = setup === null;
    this.#study = study;
    this.#folder = folder;
    const arms = Object.entries(study.arms).filter(([, arm]) => (arm.setup ?? null) === setup);
    const names = new Set(arms.map(([arm]) => arm));
    const results = [...state.results.values()].filter(({ arm }) =>
      arm === undefined || names.has(arm)
    );
    this.#summary = new DatasetSummary(results, name);
    this.#arms = arms.flatMap(([arm, { title }]) => this.#summary.has(arm) ? [[arm, title]] : []);
  }

  /** The budget at which arms are compared: that of the first comparison with a label fraction. */
  #budget(labels: number): number {
    const { comparisons } = this.#study;
    return comparisons.find((one) =>
      one.dataset === this.#name && one.labels === labels &&
      this.#arms.some(([arm]) => one.arms.includes(arm))
    )!.passes[0];
  }

  #plot(
    file: string,
    plot: Parameters<typeof linePlot>[0],
  ): string[] {
    // A single point is no line, and is in the table.
    const series = plot.series.filter(({ points }) => points.length > 1);
    if (series.length === 0) return [];
    const name = `${this.#prefix}-${file}.svg`;
    this.pictures.set(name, linePlot({ ...plot, series }));
    return [`![${plot.title}](${this.#folder}/${name})`, ""];
  }

  /** A series for each arm, from a spread at each x. */
  #series(xs: (arm: string) => readonly [x: number, spread: Spread | null][]): PlotSeries[] {
    return this.#arms.map(([arm, name]) => ({
      name,
      points: xs(arm).flatMap(([x, spread]) =>
        spread === null
          ? []
          : [{ x, y: 100 * spread.mean, low: 100 * spread.low, high: 100 * spread.high }]
      ),
    }));
  }

  #finetuning(): string[] {
    const shares = this.#summary.shares();
    if (shares.length === 0) return [];
    const at = (arm: string, share: number) =>
      this.#summary.finetuned(arm, share, this.#budget(share));
    return [
      "### Fine-tuning",
      "",
      "Top-1 accuracy in percent: mean (lowest – highest over the seeds). All arms in a column have the " +
      "same budget.",
      "",
      markdownTable([
        [
          "arm",
          ...shares.map((share) =>
            `${percentLabel(share)} of the labels, ${thousands(this.#budget(share))} passes`
          ),
        ],
        ...this.#arms.map((
          [arm, name],
        ) => [name, ...shares.map((share) => formatSpread(at(arm, share)))]),
      ]),
      "",
      ...this.#plot("finetune", {
        title: `Fine-tuning on ${this.#title}`,
        xLabel: "share of the labels",
        yLabel: "top-1 accuracy, %",
        formatX: percentLabel,
        series: this.#series((arm) => shares.map((share) => [share, at(arm, share)])),
      }),
      ...this.#differences(shares),
    ];
  }

  /** What the first arm gains over each of the others, seed by seed. */
  #differences(shares: readonly number[]): string[] {
    const [[first, firstTitle], ...others] = this.#arms;
    const gain = (other: string, share: number): string => {
      const [ours, theirs] = [first, other].map((arm) =>
        this.#summary.finetunedBySeed(arm, share, this.#budget(share))
      );
      const seeds = [...ours.keys()].filter((seed) => theirs.has(seed));
      if (seeds.length === 0) return "–";
      const mean = seeds.reduce((sum, seed) => sum + ours.get(seed)! - theirs.get(seed)!, 0) /
        seeds.length;
      const points = `${mean < 0 ? "−" : "+"}${Math.abs(100 * mean).toFixed(1)}`;
      if (seeds.length === 1) return `${points} (one seed)`;
      const width = (values: Map<number, number>) => {
        const list = seeds.map((seed) => values.get(seed)!);
        return Math.max(...list) - Math.min(...list);
      };
      const spread = Math.max(width(ours), width(theirs));
      return `${points} (${Math.abs(mean) > spread ? "beyond" : "within"} ${
        (100 * spread).toFixed(1)
      })`;
    };
    return [
      `Gain of “${firstTitle}”, in points; beyond or within the wider of the two seed ranges:`,
      "",
      markdownTable([
        ["over", ...shares.map((share) => `${percentLabel(share)} of the labels`)],
        ...others.map(([arm, name]) => [name, ...shares.map((share) => gain(arm, share))]),
      ]),
      "",
    ];
  }

  /** The id of the tokenizer that an arm learns from; null if it is not trained. */
  #tokenizerOf(arm: string): string | null {
    const { pretrain, tokenizer } = this.#study.arms[arm];
    const isTaught = pretrain !== null && pretrain["tokenizer.checkpoint"] === undefined;
    return isTaught ? tokenizerId(this.#name, tokenizer) : null;
  }

  /** Multiply–adds before fine-tuning; null if unknown. */
  #costBefore(arm: string): number | null {
    if (this.#study.arms[arm].pretrain === null) return 0;
    return this.#summary.pretrainingCost(arm, this.#tokenizerOf(arm));
  }

  #budgets(): string[] {
    const sections = this.#summary.shares().flatMap((share) => {
      const budgets = this.#summary.budgets(share);
      const arms = this.#arms.filter(([arm]) =>
        budgets.filter((passes) => this.#summary.finetuned(arm, share, passes) !== null)
          .length > 1
      );
      if (arms.length === 0) return [];
      const at = (arm: string, passes: number) => this.#summary.finetuned(arm, share, passes);
      return [
        `### Fine-tuning budgets, ${percentLabel(share)} of the labels`,
        "",
        markdownTable([
          ["image passes", ...arms.map(([, name]) => name)],
          ...budgets.map((passes) => [
            thousands(passes),
            ...arms.map(([arm]) => formatSpread(at(arm, passes))),
          ]),
        ]),
        "",
        ...this.#plot(`budgets-${+(100 * share).toFixed(4)}`, {
          title: `At the same fine-tuning budget, ${this.#title}`,
          xLabel: "image passes of fine-tuning",
          yLabel: "top-1 accuracy, %",
          formatX: (passes) => `${Math.round(passes / 1000)}k`,
          series: this.#series((arm) =>
            arms.some(([name]) => name === arm)
              ? budgets.map((passes) => [passes, at(arm, passes)])
              : []
          ),
        }),
        ...this.#plot(`compute-${+(100 * share).toFixed(4)}`, {
          title: `At the same total compute, ${this.#title}`,
          xLabel: "10¹² multiply–adds of tokenizer, pretraining and fine-tuning",
          yLabel: "top-1 accuracy, %",
          formatX: (cost) => cost.toFixed(cost < 10 ? 1 : 0),
          series: this.#series((arm) => {
            const before = this.#costBefore(arm);
            if (before === null || !arms.some(([name]) => name === arm)) return [];
            return budgets.map((passes) => {
              const own = this.#summary.finetuningCost(arm, passes) ?? 0;
              return [(before + own) / 1e12, at(arm, passes)];
            });
          }),
        }),
      ];
    });
    return sections;
  }

  #compute(): string[] {
    const shares = this.#summary.shares();
    const rows = this.#arms.flatMap(([arm, name]) => {
      const before = this.#costBefore(arm);
      if (before === null) return [];
      const costs = shares.map((share) => {
        const own = this.#summary.finetuningCost(arm, this.#budget(share));
        return own === null ? "–" : tera(before + own);
      });
      return [[name, tera(before), ...costs]];
    });
    if (rows.length === 0) return [];
    return [
      "### Compute",
      "",
      "10¹² multiply–adds per run, counted from the sizes (a backward pass as two forward passes): " +
      "before fine-tuning, including the tokenizer's training, and in all with the budgets of the " +
      "first table.",
      "",
      markdownTable([
        ["arm", "before", ...shares.map((share) => `in all, ${percentLabel(share)}`)],
        ...rows,
      ]),
      "",
    ];
  }

  markdown(): string[] {
    if (this.#arms.length === 0) return [];
    const { passes } = this.#study.datasets[this.#name];
    const { backends } = this.#summary;
    return [
      `## ${this.#title[0].toUpperCase()}${this.#title.slice(1)}`,
      "",
      `Image passes: tokenizer ${thousands(passes.tokenizer)}, pretraining ` +
      `${thousands(passes.pretrain)}. Computed on ${backends.join("; ")}.`,
      "",
      ...(this.#describesTokenizers ? tokenizerLines(this.#study, this.#name, this.#summary) : []),
      ...this.#finetuning(),
      ...featuresTables(this.#study, this.#name, this.#arms, this.#summary),
      ...this.#budgets(),
      ...this.#compute(),
    ];
  }
}

/** What has no result yet, by data set and kind, so that nobody mistakes a gap for a result. */
function missing({ parts, results }: StudyState): string[] {
  const left = parts.filter(({ id }) => !results.has(id));
  if (left.length === 0) return ["All parts of the study have run.", ""];
  return [
    `${parts.length - left.length} of ${parts.length} parts have run. The same command runs the ` +
    "rest:",
    "",
    ...left.map(({ id }) => `- ${id}`),
    "",
  ];
}

/** The page of a study and its figures. */
export function studyPage(options: StudyPageOptions): StudyPage {
  const { study, state, command, config, folder, notes } = options;
  const sections = Object.keys(study.datasets).flatMap((name) =>
    [null, ...Object.keys(study.setups)].map((setup) => new DatasetSection(name, setup, options))
  );
  const body = sections.flatMap((section) => section.markdown());
  const lines = [
    "# Study: does pretraining help?",
    "",
    "The same small vision transformer, trained from scratch and fine-tuned after masked image modelling " +
    "(MIM) with different visual tokens, using few or all labels.",
    "",
    `Generated by \`${command}\`: arms, budgets and seeds are in ` +
    `\`${config}\`, the raw results in [results.json](${folder}/results.json). ` +
    `${study.seeds.length} seeds determine the weights, the order, the crops, the masks and the images ` +
    "whose labels may be used. The final model is measured, not the best of many.",
    "",
    ...(notes === null ? [] : [notes.trim(), ""]),
    ...body,
    "## Remaining parts",
    "",
    ...missing(state),
  ];
  const pictures = new Map(sections.flatMap((section) => [...section.pictures]));
  return { markdown: lines.join("\n"), pictures };
}
