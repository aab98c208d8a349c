/** The fixtures on a GPU with few buffers a shader and no float16, which Debian's Chromium brings. */

import assert from "node:assert/strict";
import { runTask } from "../../_tasks.ts";

const driver = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** The driver takes minutes to compile the kernels. */
const isCI = Deno.env.get("CI") === "true";
if (!isCI) console.warn("The fixtures are not compared on SwiftShader: CI=true does, for minutes");

Deno.test({
  name: "webgpu on SwiftShader: all fixtures are as the reference computed them",
  ignore: !isCI,
  async fn() {
    assert.ok(Deno.statSync(driver).isFile, `no ${driver}; on Debian: apt install chromium`);
    const folders = ["tests/fixtures", "tests/fixtures/parity"];
    const { code, stdout, stderr } = await runTask(
      "parity",
      [...folders.flatMap((folder) => ["--fixtures", folder]), "--backend", "webgpu"],
      { VK_DRIVER_FILES: driver },
    );
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.match(stderr, /^Comparing on webgpu: SwiftShader/m);
    assert.match(stdout.trim().split("\n").at(-1)!, /^webgpu: (\d{3}) of \1 within tolerance$/);
  },
});
