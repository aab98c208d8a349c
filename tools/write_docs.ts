/**
 * Writes `docs/reference/`, the pages of all config keys and commands, and `docs/errors.md`, the
 * table of errors and what helps: `deno task docs`.
 *
 * @module
 */
import { commands } from "../cli/commands/mod.ts";
import { taskCommands } from "../configs/resolve.ts";
import { schemas, type Task } from "../configs/schema.ts";
import { commandPage } from "./docs/command_pages.ts";
import { configPage, configPageName } from "./docs/config_pages.ts";
import { errorsPage } from "./docs/errors_page.ts";

const tasks = Object.keys(schemas) as Task[];

/** The page that leads to the others. */
function indexPage(): string {
  const pages = tasks.map((task) =>
    `- [\`${taskCommands[task]}\`](${configPageName(task)}): config keys of \`deno task ${
      taskCommands[task]
    }\``
  );
  return [
    "# Reference",
    "Written by `deno task docs` from the schema and the parser.",
    ["- [Commands](commands.md): every command with its flags", ...pages].join("\n"),
  ].join("\n\n") + "\n";
}

/** All pages by file name, before `deno fmt` lays them out. */
export async function referencePages(): Promise<Map<string, string>> {
  const pages = new Map([["README.md", indexPage()], ["commands.md", commandPage(commands)]]);
  for (const task of tasks) pages.set(configPageName(task), await configPage(task));
  return pages;
}

if (import.meta.main) {
  const folder = new URL("../docs/reference/", import.meta.url);
  Deno.mkdirSync(folder, { recursive: true });
  for (const [name, page] of await referencePages()) {
    Deno.writeTextFileSync(new URL(name, folder), page);
  }
  Deno.writeTextFileSync(new URL("../errors.md", folder), errorsPage());
}
