import assert from "node:assert/strict";
import { commands } from "../../cli/commands/mod.ts";
import type { CommandInput } from "../../cli/parsing/command.ts";
import { type ConfigFlagValues, configOf } from "../../cli/parsing/config_flags.ts";
import { parseCommand } from "../../cli/parsing/parser.ts";
import { findCall } from "../../cli/program.ts";
import { recipeNames } from "../../configs/recipes.ts";
import { taskNames } from "../../methods/mod.ts";
import { commandOf } from "../../configs/task.ts";
import { commandLines, inlineCommands, pages, shellBlocks, wordsOf } from "./_markdown.ts";

const { tasks } = JSON.parse(
  Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)),
) as { tasks: Record<string, { command: string }> };

/** The words behind `deno task` or `npx deno task`; null for another program. */
function taskWords(words: readonly string[]): readonly string[] | null {
  const at = words.findIndex((word) => /^deno(@.+)?$/.test(word));
  return at >= 0 && words[at + 1] === "task" ? words.slice(at + 2) : null;
}

/** Whether all recipes that flags name are bundled: others are the reader's own. */
function namesRecipes({ config }: ConfigFlagValues): boolean {
  return config.every((name) => recipeNames.includes(name));
}

/** Checks that a command line is one that the program takes, with the keys that it sets. */
async function checkLine(line: string): Promise<void> {
  const words = taskWords(wordsOf(line));
  if (words === null) return;
  const [name, ...rest] = words;
  assert.ok(Object.hasOwn(tasks, name), `no task "${name}" in deno.json`);
  if (!tasks[name].command.includes(` main.ts ${name}`)) return;
  const call = findCall([name, ...rest], commands, "");
  if ("help" in call) return;
  const { flags }: CommandInput = parseCommand(call.command, call.words, call.calledAs);
  const task = taskNames.find((task) => commandOf(task) === call.command.name);
  const given = flags as unknown as ConfigFlagValues;
  const isConfigured = task !== undefined || call.command.name === "print";
  if (!isConfigured || !namesRecipes(given)) return;
  await configOf(task, given);
}

/** Stands for what the reader puts in: `--config NAME`, `--set KEY=VALUE`, a range of choices. */
const placeholder = /\b[A-Z]{3,}\b|…/;

for (const page of pages()) {
  Deno.test(`${page.path}: every \`deno task\` line is one that the program takes`, async () => {
    const lines = shellBlocks(page).flatMap(commandLines);
    // A command that is only named needs no arguments.
    const inline = inlineCommands(page).filter((line) =>
      !placeholder.test(line) && wordsOf(line).length > 3
    );
    for (const line of [...lines, ...inline]) {
      try {
        await checkLine(line);
      } catch (error) {
        throw new Error(`${page.path}: ${line}\n${(error as Error).message}`);
      }
    }
  });
}

Deno.test("a wrong line in the documentation is found", async () => {
  await assert.rejects(checkLine("deno task pretrian"), /no task "pretrian"/);
  await assert.rejects(checkLine("deno task pretrain --dta x"), /did you mean "--data"/);
  await assert.rejects(
    checkLine("npx --yes deno@2.9.6 task pretrain --set optimizer.lrr=1"),
    /optimizer\.lr/,
  );
  await assert.rejects(checkLine("deno task pretrain --config finetune_quickstart"), /finetune/);
  await checkLine('deno task predict "a b.png" --checkpoint runs/x   # a comment');
});

Deno.test("shell lines are split, joined and freed of comments as a shell does", () => {
  assert.deepEqual(wordsOf(`a --b="c d" 'e f' g#h # rest`), ["a", "--b=c d", "e f", "g#h"]);
  const block = "# first\na \\\n  --b\ncat > f <<'END'\ndeno task nothing\nEND\n";
  assert.deepEqual(commandLines(block), ["a    --b", "cat > f"]);
});
