import assert from "node:assert/strict";
import { hasAdapter } from "../backends/webgpu/_adapter.ts";

/** What the programs under "Findings for others" print, in their order. */
const printed = [
  /^[\d.]+ ms for a read\n$/,
  /^false\nnull\n[\s\S]*not yet supported/,
  // A driver without matrix units says less.
  /experimental features are not enabled|must be a subset of the adapter features/,
];

Deno.test({
  name: "Deno still behaves as docs/webgpu.md reports",
  ignore: !hasAdapter,
  async fn() {
    const page = Deno.readTextFileSync(new URL("../../docs/webgpu.md", import.meta.url));
    const findings = page.slice(page.indexOf("## Findings for others"));
    const programs = [...findings.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
    assert.equal(programs.length, printed.length);
    const folder = await Deno.makeTempDir();
    try {
      for (const [i, program] of programs.entries()) {
        const file = `${folder}/finding${i}.ts`;
        Deno.writeTextFileSync(file, program);
        const { stdout } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "--no-check", "--no-lock", file],
        }).output();
        assert.match(new TextDecoder().decode(stdout), printed[i]);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
