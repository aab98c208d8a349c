/**
 * All commands, in the order of the help. Their files hold only flags and texts; what they run is
 * imported when it runs, so that `--help` costs nothing.
 *
 * @module
 */
import { type Task, taskNames } from "../../methods/mod.ts";
import type { Command, CommandGroup } from "../parsing/command.ts";
import { completion } from "./completion.ts";
import { config } from "./config.ts";
import { convert } from "./convert.ts";
import { data } from "./data.ts";
import { doctor } from "./doctor.ts";
import { evaluate } from "./evaluate.ts";
import { exportModel } from "./export.ts";
import { features } from "./features.ts";
import { inspect } from "./inspect.ts";
import { knn } from "./knn.ts";
import { methodCommand } from "./method_command.ts";
import { parity } from "./parity.ts";
import { predict } from "./predict.ts";
import { pretrain } from "./pretrain.ts";
import { replay } from "./replay.ts";
import { study } from "./study.ts";
import { serve } from "./serve.ts";
import { segment } from "./segment.ts";
import { tokenize } from "./tokenize.ts";
import { tokensReport } from "./tokens_report.ts";
import { visualize } from "./visualize.ts";

/** The commands of methods that do more than run their method. */
const special: Readonly<Partial<Record<Task, Command>>> = { pretrain, segment };

/** The commands of the command line: those of the methods first. */
export const commands: readonly (Command | CommandGroup)[] = [
  ...taskNames.map((task) => special[task] ?? methodCommand(task)),
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
