/**
 * `deno task playground [PORT]` serves the page; `deno task playground:build DIR` writes it for a web host.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { messageOf, UserError } from "../core/errors.ts";
import { buildPlayground } from "./build.ts";
import { servePlayground } from "./serve.ts";

const usualPort = 8090;

async function serve(given: string | undefined): Promise<void> {
  const port = Number(given ?? usualPort);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new UserError(
      `Cannot serve on port "${given}": expected a whole number up to 65535, or 0 for any free port`,
    );
  }
  Deno.addSignalListener("SIGINT", () => {
    // The terminal has put ^C on the row.
    console.log();
    Deno.exit(130);
  });
  let address: Deno.NetAddr;
  try {
    address = (await servePlayground(port)).addr;
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new UserError(
      `Cannot serve on port ${port}: another program uses it, and 0 takes any free port`,
    );
  }
  console.log(`http://${address.hostname}:${address.port}/`);
}

async function write(folder: string | undefined): Promise<void> {
  if (folder === undefined) {
    throw new UserError("Cannot write the page: expected a folder, playground:build DIR");
  }
  const files = await buildPlayground();
  let bytes = 0;
  for (const [path, content] of files) {
    bytes += content.length;
    try {
      await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
      await Deno.writeFile(join(folder, path), content);
    } catch (error) {
      throw new UserError(`Cannot write "${join(folder, path)}": ${messageOf(error)}`);
    }
  }
  console.log(`Wrote ${files.size} files, ${(bytes / 1e6).toFixed(1)} MB, to ${folder}`);
}

if (import.meta.main) {
  const [command, argument] = Deno.args;
  try {
    if (command === "build") await write(argument);
    else await serve(command);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(2);
  }
}
