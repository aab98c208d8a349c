import assert from "node:assert/strict";
import { doctorLines, type DoctorReport } from "../../../cli/screen/doctor_text.ts";
import {
  describePermissions,
  valueWithoutPaths,
  withoutPaths,
} from "../../../cli/running/machine.ts";
import { lockFlag, runDeno, runTask, taskWords } from "../_tasks.ts";

Deno.test("texts keep the last part of a path", () => {
  const cases: [text: string, wanted: string][] = [
    ['access to "/home/ada/my photos/cat.jpg", run', 'access to "…/cat.jpg", run'],
    ["at file:///home/ada/mimic/main.ts:3:1", "at …/main.ts:3:1"],
    ["C:\\Users\\ada\\cat.jpg is no image", "…/cat.jpg is no image"],
    ["12 images/s, 3 GB/s, ±1", "12 images/s, 3 GB/s, ±1"],
    ["see https://github.com/a/b", "see https://github.com/a/b"],
    ["llvmpipe (LLVM 15.0.6, 256 bits)", "llvmpipe (LLVM 15.0.6, 256 bits)"],
  ];
  for (const [text, wanted] of cases) assert.equal(withoutPaths(text), wanted);
  assert.deepEqual(valueWithoutPaths({ a: ["/x/y"], b: 1 }), { a: ["…/y"], b: 1 });
});

Deno.test("doctor has the permissions of pretrain, so that it tells what that would miss", () => {
  const flagsOf = (name: string) =>
    taskWords(name).filter((word) => word.startsWith("--allow")).map((word) => word.split("="));
  const own = new Map(flagsOf("doctor").map(([flag, list]) => [flag, list?.split(",")]));
  for (const [flag, list] of flagsOf("pretrain")) {
    assert.ok(own.has(flag), flag);
    for (const name of list?.split(",") ?? []) assert.ok(own.get(flag)?.includes(name), name);
  }
});

Deno.test("doctor --quick says what there is, in one JSON document and without paths", async () => {
  const { code, stdout } = await runTask("doctor", ["--quick", "--json"]);
  assert.equal(code, 0);
  const report: DoctorReport = JSON.parse(stdout);
  assert.equal(report.versions.deno, Deno.version.deno);
  assert.equal(report.machine.os, Deno.build.os);
  assert.ok(report.machine.memory!.totalBytes > 1e8);
  assert.ok(report.machine.freeDiskBytes! > 0);
  assert.deepEqual(report.permissions.filter(({ granted }) => !granted), []);
  const names = report.backends.map(({ backend }) => backend);
  assert.deepEqual(names, ["webgpu", "webgpu (dawn)", "cpu", "cpu (wasm)", "reference"]);
  for (const backend of report.backends) {
    if (backend.starts) assert.ok(backend.capabilities.description.length > 3);
    else assert.match(backend.reason, /Cannot start the WebGPU backend: |Dawn/);
  }
  assert.ok(["webgpu", "cpu"].includes(report.auto));
  const root = new URL("../../../", import.meta.url).pathname.replace(/\/$/, "");
  const home = Deno.env.get("HOME") ?? "";
  for (const folder of home.length > 1 ? [root, home] : [root]) {
    assert.ok(!stdout.includes(folder), folder);
  }
});

Deno.test("doctor with no permission but its own files names the flags to add", async () => {
  const none = await runDeno(["run", "--no-prompt", lockFlag, "main.ts", "doctor"]);
  assert.equal(none.code, 2);
  assert.match(
    none.stderr,
    /^error: Cannot load the program: Requires read access.*--allow-read flag\n$/,
  );
  const { code, stdout } = await runDeno([
    "run",
    "--no-prompt",
    "--allow-read=.",
    lockFlag,
    "main.ts",
    "doctor",
    "--quick",
  ]);
  assert.equal(code, 0);
  for (const { flag } of describePermissions()) assert.ok(stdout.includes(`  add ${flag}`), flag);
  assert.match(stdout, /^ {2}memory +not known: add --allow-sys=systemMemoryInfo$/m);
  assert.match(stdout, /^ {2}machine code +off +.*(?:FFI|ffi)/m);
  assert.match(stdout, /^ {2}AMX tiles +off +.*(?:FFI|ffi)/m);
  assert.match(stdout, /^ {2}reference: plain JavaScript/m);
});

const report: DoctorReport = {
  versions: { mimic: "1", deno: "2", v8: "3", typescript: "6" },
  machine: {
    os: "linux",
    osRelease: null,
    architecture: "x86_64",
    processor: null,
    threads: 1,
    memory: { totalBytes: 8e9, availableBytes: 2e9 },
    freeDiskBytes: null,
  },
  simd: "SIMD",
  permissions: [{ permission: "ffi", granted: false, serves: "speed", flag: "--allow-ffi" }],
  accelerators: [{ name: "BLAS", starts: false, detail: "none" }],
  backends: [
    { backend: "webgpu", starts: false, reason: "no adapter" },
    {
      backend: "cpu",
      starts: true,
      capabilities: {
        reducedPrecisions: [],
        threads: 1,
        maxBufferBytes: 1e9,
        description: "fast",
        kernels: {
          provider: "native-avx2",
          key: "a processor",
          products: "8x48",
          times: [
            { provider: "native-avx512", format: "float32", milliseconds: 0.9123 },
            { provider: "native-avx512", format: "bfloat16", milliseconds: 1.5 },
            { provider: "native-avx2", format: "float32", milliseconds: 0.5 },
          ],
        },
      },
      formats: [
        { model: "ViT-S/16", milliseconds: { float32: 30.123, bfloat16: 40 }, auto: "float32" },
      ],
      adapter: null,
      adapters: null,
      selfTest: {
        ok: false,
        conformance: { passed: 1, failed: 1, failures: ["linear [1]: off by 2"] },
        product: { size: 512, gigaflops: 12.345 },
        step: { imagesPerSecond: 3.21, lossBefore: 2, lossAfter: 3 },
        seconds: 1,
      },
      parity: { ok: false, quantities: 3, failures: ["mim, loss: 1, wanted exact"] },
    },
  ],
  auto: "cpu",
  ok: false,
};

Deno.test("what fails is named, with its reason", () => {
  const text = doctorLines(report).join("\n");
  assert.match(text, /^ {2}webgpu: does not start\n {4}no adapter$/m);
  assert.match(text, /^ {2}cpu +FAILED +1 of 2 ops +12\.3 GFLOP\/s \(512²\) +3\.21 images\/s$/m);
  assert.match(text, /^ {2}cpu: linear \[1\]: off by 2$/m);
  assert.match(text, /^ {2}cpu: 2 of 3 within tolerance\n {4}mim, loss: 1, wanted exact$/m);
  assert.match(text, /^ {2}ffi +missing +speed\n {2}add --allow-ffi$/m);
  assert.match(text, /^Something is wrong with cpu\.$/m);
});

Deno.test("what was timed on the CPU is listed, with what was chosen", () => {
  const text = doctorLines(report).join("\n");
  assert.match(
    text,
    /^ {4}kernels timed: native-avx512 0\.91 ms, native-avx512 in bfloat16 1\.5 ms, native-avx2 0\.50 ms$/m,
  );
  assert.match(text, /^ {4}chosen: native-avx2\n {4}products in float32: 8x48$/m);
  assert.match(
    text,
    /^ {4}a block of ViT-S\/16: float32 30 ms, bfloat16 40 ms; precision auto: float32$/m,
  );
});
