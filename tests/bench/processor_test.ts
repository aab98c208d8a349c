import assert from "node:assert/strict";
import { folderName, processorName } from "../../bench/processor.ts";

const cpuinfo = (maker: string, family: number, model: number) =>
  `processor\t: 0\nvendor_id\t: ${maker}\ncpu family\t: ${family}\nmodel\t\t: ${model}\nmodel name\t: X\n`;

Deno.test("a processor has its maker's name and, where it is known, its generation", () => {
  const name = (
    model: string,
    info = "",
  ) => [processorName(model, info), folderName(processorName(model, info))];
  assert.deepEqual(name("AMD EPYC", cpuinfo("AuthenticAMD", 25, 17)), [
    "AMD EPYC (Zen 4)",
    "amd_epyc_zen4",
  ]);
  assert.deepEqual(name("Intel(R) Xeon(R) Processor", cpuinfo("GenuineIntel", 6, 143)), [
    "Intel Xeon (Sapphire Rapids)",
    "intel_xeon_sapphire_rapids",
  ]);
  assert.deepEqual(
    name("Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz", cpuinfo("GenuineIntel", 6, 999)),
    [
      "Intel Xeon Gold 6230",
      "intel_xeon_gold6230",
    ],
  );
  assert.deepEqual(name("Apple M2 Pro"), ["Apple M2 Pro", "apple_m2_pro"]);
  assert.deepEqual(name(""), ["unknown", "unknown"]);
});
