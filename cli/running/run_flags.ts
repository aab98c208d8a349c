/** The flags of every command that trains. */
import { choice, path, repeated, text, toggle, type ValuesOf } from "../parsing/command.ts";
import type { ConfigFlagValues } from "../parsing/config_flags.ts";
import { jobFlags } from "../parsing/job_flags.ts";
import { loggerNames } from "./loggers.ts";
import { offline } from "./weights.ts";

/** Flags of every training command. */
export const runFlags = {
  out: path("The run's directory; default: runs/ and the recipe's name.", {
    placeholder: "DIR",
    short: "o",
  }),
  name: text("Name of the run, in place of the recipe's: its directory is runs/NAME.", {
    placeholder: "NAME",
  }),
  resume: path("Continue the run in this directory from its last checkpoint.", {
    placeholder: "DIR",
  }),
  dryRun: toggle(
    "Run a few steps, save nothing, and show what the run would cost: time, memory, disk, and the " +
      "best micro-batch.",
  ),
  offline,
  hook: repeated(path(
    "A module whose default export receives every event of the run; see docs/logging.md.",
    { placeholder: "FILE" },
  )),
  log: repeated(choice(
    "Also send the run's config and metrics there; see docs/logging.md.",
    loggerNames,
  )),
  profile: toggle(
    "Profile five of the first steps: writes profile.txt and trace.json to the run's directory, with the time " +
      "per stage and per kernel.",
  ),
  ...jobFlags,
  quiet: toggle("Show only warnings and results.", { short: "q" }),
  json: toggle("Print the result as one JSON document."),
};

/** The values of all flags of a training command. */
export type RunFlagValues = ConfigFlagValues & ValuesOf<typeof runFlags>;
