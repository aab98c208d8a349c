import assert from "node:assert/strict";
import { data } from "../../../cli/commands/data.ts";
import { Job } from "../../../cli/running/job.ts";
import { withFolder, writeTree } from "../../data/_trees.ts";

Deno.test("data check writes its page and its list where they are wanted, and says what it found", () =>
  withFolder(async (root) => {
    await writeTree(root, {
      "d/a/1.pgm": "P5 2 2 255\nABCD",
      "d/a/copy.pgm": "P5 2 2 255\nABCD",
      "d/b/2.pgm": "P5 2 2 255\nzA!z",
      "d/b/broken.png": "no",
    });
    const [out, excludeList] = [`${root}/new/page.html`, `${root}/other/list.txt`];
    const printed: string[] = [];
    const code = await data.commands[0].run({
      flags: { out, excludeList, quiet: true, json: false },
      arguments: { path: `${root}/d` },
    }, {
      signal: new AbortController().signal,
      job: new Job(),
      print: (line) => void printed.push(line),
      note: () => {},
      printJson: () => {},
    });
    assert.ok(code === undefined || code === 0);
    assert.match(printed.join("\n"), /"b\/broken.png": expected JPEG/);
    assert.match(printed.join("\n"), /copies of a file +1\n/);
    assert.match(await Deno.readTextFile(out), /copy.pgm/);
    const list = await Deno.readTextFile(excludeList);
    assert.match(list, /^b\/broken.png$/m);
    assert.match(list, /^a\/(1|copy).pgm$/m);
  }));
