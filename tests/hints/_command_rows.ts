/** The table of hints: commands, flags and recipes. */
import type { HintRow } from "./_row.ts";

const finetune = "finetune --data {data} {tiny} --out {out}";

/** Mistakes in commands, flags and recipes. */
export const commandRows: readonly HintRow[] = [
  {
    command: "predikt",
    error: 'Unknown command "predikt"; did you mean "predict"?',
    follow: { replace: "predikt", by: "predict" },
    next: "…; see `deno task predict --help`",
  },
  {
    command: "config show",
    error: 'Unknown command "show"; see `deno task config --help`',
    follow: { run: "deno task config --help" },
  },
  {
    command: "inspect",
    error: "…; see `deno task inspect --help`",
    follow: { run: "deno task inspect --help" },
  },
  {
    command: "completion bsh",
    error: 'Unknown shell "bsh": expected one of bash, zsh, fish; did you mean "bash"?',
    follow: { replace: "bsh", by: "bash" },
  },
  {
    command: "finetune --data {data} {tinyBut} --max-steps 1 --bach 4 --out {out}",
    error: '…"--bach"; did you mean "--batch"?',
    follow: { replace: "--bach", by: "--batch" },
  },
  {
    command: "finetune {data} {tinyBut} --max-steps 1 --batch 4 --out {out}",
    error: '…; did you mean "--data=…"?',
    follow: { replace: "{data}", by: "--data={data}" },
  },
  {
    command: `${finetune} --set optimizer.lrr=1e-3`,
    error: 'Unknown key "optimizer.lrr" (--set optimizer.lrr=1e-3); did you mean "optimizer.lr"?',
    follow: { replace: "optimizer.lrr", by: "optimizer.lr" },
  },
  {
    command: "linear-probe --checkpoint {model} --data {data} {tinyProbe} --out {out} " +
      "--set schedule.epochs=1",
    error: 'Unknown key "schedule" (--set schedule.epochs=1); did you mean "probe.epochs"? ' +
      '"schedule.epochs" belongs to task "pretrain"',
    follow: { replace: "schedule.epochs", by: "probe.epochs" },
  },
  {
    command: "config print --set lr",
    error: 'Cannot set "lr": expected KEY=VALUE; for example --set optimizer.lr=1e-3',
    follow: { add: "--set optimizer.lr=1e-3" },
  },
  {
    command: "config print --config quickstrat",
    error: 'Unknown recipe "quickstrat"; did you mean "quickstart"?',
    follow: { replace: "quickstrat", by: "quickstart" },
  },
  {
    command: "config print --config {folder}/none.jsonc",
    error: 'Cannot read recipe "…": there is no such file; `deno task config list` shows the ' +
      "bundled ones",
    follow: { run: "deno task config list" },
  },
  {
    command: "config print --config zzz",
    error: 'Unknown recipe "zzz"; `deno task config list` shows the bundled ones; a file ends in ' +
      ".jsonc, .yaml or .ts",
    follow: { run: "deno task config list" },
  },
  {
    command: "config print --config {deep}",
    error:
      'Cannot read recipe "…": …; a recipe has a few sections with keys; see `deno task config print`',
    follow: { run: "deno task config print" },
  },
  {
    command: "pretrain --config {recipe} --out {out}",
    error: 'Cannot use recipe "…" here: expected one for task "pretrain", found "finetune"; ' +
      "run `deno task finetune --config …`",
    follow: { run: "deno task finetune --config …", rest: "--data {data} {tiny} --out {out}" },
  },
  {
    command: "finetune --data {data} {tiny} --resume {stopped} --config {recipe}",
    error: "Cannot take a new --config with --resume: a run keeps its recipe; omit --config, " +
      "or start another run with --out",
    follow: { drop: "--config" },
  },
  {
    command: "finetune --resume {stopped} --out {out} --max-steps 1 --quiet",
    error: "Cannot use --out with --resume: a run stays in its directory; omit --out",
    follow: { drop: "--out" },
  },
  {
    command: "finetune --data {data} {tiny} --name a/b",
    error: 'Cannot call a run "a/b": expected the name of a folder; omit --name, ' +
      "and give --out DIR for a folder elsewhere",
    follow: [{ drop: "--name" }, { fill: "--out", value: "{out}" }],
  },
];

/** Jobs, studies and parts of the program that are not there. */
export const otherRows: readonly HintRow[] = [
  {
    command: `${finetune} --launcher torque`,
    error: "Cannot use --launcher torque: mimic supports none and mpi; omit --launcher to detect " +
      "it",
    follow: { drop: "--launcher" },
  },
];
