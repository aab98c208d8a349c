/**
 * All commands, in the order of the help. Their files hold only flags and texts; what they run is
 * imported when it runs, so that `--help` costs nothing.
 *
 * @module
 */
import type { Command, CommandGroup } from "../parsing/command.ts";
import { completion } from "./completion.ts";
import { config } from "./config.ts";
import { convert } from "./convert.ts";
import { data } from "./data.ts";
import { doctor } from "./doctor.ts";
import { evaluate } from "./evaluate.ts";
import { exportModel } from "./export.ts";
import { features } from "./features.ts";
import { finetune } from "./finetune.ts";
import { inspect } from "./inspect.ts";
import { knn } from "./knn.ts";
import { linearProbe } from "./linear_probe.ts";
import { parity } from "./parity.ts";
import { predict } from "./predict.ts";
import { pretrain } from "./pretrain.ts";
import { replay } from "./replay.ts";
import { study } from "./study.ts";
import { serve } from "./serve.ts";
import { segment } from "./segment.ts";
import { tokenize } from "./tokenize.ts";
import { tokenizer } from "./tokenizer.ts";
import { tokensReport } from "./tokens_report.ts";
import { visualize } from "./visualize.ts";

/** The commands of the command line. */
export const commands: readonly (Command | CommandGroup)[] = [
  pretrain,
  tokenizer,
  finetune,
  linearProbe,
  segment,
  tokenize,
  tokensReport,
  knn,
  evaluate,
  predict,
  features,
  visualize,
  study,
  convert,
  inspect,
  exportModel,
  parity,
  replay,
  serve,
  doctor,
  data,
  config,
  completion,
];
