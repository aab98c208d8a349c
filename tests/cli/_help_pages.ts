/** The help of every command as it is kept in `__snapshots__/`; run alone, it writes them anew. */
import { commands } from "../../cli/commands.ts";
import { commandHelp, groupHelp, programHelp } from "../../cli/_help.ts";
import { plainStyle } from "../../cli/_style.ts";

/** The folder of the kept pages. */
export const snapshots = new URL("./__snapshots__/", import.meta.url);

/** All pages by file name. */
export function helpPages(): Map<string, string> {
  const pages = new Map<string, string>();
  pages.set("mimic.txt", programHelp(commands, "VERSION", plainStyle));
  for (const entry of commands) {
    const calledAs = `deno task ${entry.name}`;
    if ("commands" in entry) {
      pages.set(`${entry.name}.txt`, groupHelp(entry, calledAs, plainStyle));
      for (const command of entry.commands) {
        const page = commandHelp(command, `${calledAs} ${command.name}`, plainStyle);
        pages.set(`${entry.name}_${command.name}.txt`, page);
      }
    } else {
      pages.set(`${entry.name}.txt`, commandHelp(entry, calledAs, plainStyle));
    }
  }
  return pages;
}

if (import.meta.main) {
  for (const [name, page] of helpPages()) {
    Deno.writeTextFileSync(new URL(name, snapshots), `${page}\n`);
  }
}
