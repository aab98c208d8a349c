/** Recipes as editors on Windows write them. */

import assert from "node:assert/strict";
import { resolveConfig } from "../../methods/configs.ts";

const recipes = {
  "mine.jsonc": '// Mine.\n{\n  "task": "pretrain",\n  // A comment.\n  "batchSize": 4,\n}\n',
  "mine.yaml": "# Mine.\ntask: pretrain\n\nbatchSize: 4\n",
};

for (const [name, text] of Object.entries(recipes)) {
  Deno.test(`${name} with line ends and the mark of Windows is the same recipe`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/${name}`;
      const resolve = async (text: string) => {
        await Deno.writeTextFile(path, text);
        return await resolveConfig({ task: "pretrain", recipe: path });
      };
      const expected = await resolve(text);
      const asWindows = (text: string) => `\ufeff${text.replaceAll("\n", "\r\n")}`;
      const actual = await resolve(asWindows(text));
      assert.deepEqual(actual.config, expected.config);
      assert.deepEqual([...actual.origins], [...expected.origins]);
      assert.match(actual.origins.get("batchSize")!, new RegExp(`${name}:[45]$`));
      await assert.rejects(
        resolve(asWindows(text.replace("batchSize", "batchSise"))),
        /batchSise.*did you mean "batchSize"/,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
