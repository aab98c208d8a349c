/** The help of every command as it is kept in `__snapshots__/`; run alone, it writes them anew. */
import { commands } from "../../cli/commands/mod.ts";
import { commandHelp, groupHelp, programHelp } from "../../cli/parsing/help.ts";
import { plainStyle } from "../../cli/screen/style.ts";

/** The folder of the kept pages. */
export const snapshots = new URL("./__snapshots__/", import.meta.url);

/** All pages by file name, in as many columns; as kept where they are left out. */
export function helpPages(columns?: number): Map<string, string> {
  const layout = { style: plainStyle, columns };
  const pages = new Map<string, string>();
  pages.set("mimic.txt", programHelp(commands, "VERSION", layout));
  for (const entry of commands) {
    const calledAs = `deno task ${entry.name}`;
    if ("commands" in entry) {
      pages.set(`${entry.name}.txt`, groupHelp(entry, calledAs, layout));
      for (const command of entry.commands) {
        const page = commandHelp(command, `${calledAs} ${command.name}`, layout);
        pages.set(`${entry.name}_${command.name}.txt`, page);
      }
    } else {
      pages.set(`${entry.name}.txt`, commandHelp(entry, calledAs, layout));
    }
  }
  return pages;
}

if (import.meta.main) {
  for (const [name, page] of helpPages()) {
    Deno.writeTextFileSync(new URL(name, snapshots), `${page}\n`);
  }
}
