/** Which processor a benchmark ran on, as precisely as the system tells. @module */

import { cpus } from "node:os";

/** Microarchitectures by what `cpuid` calls them: maker, family and first and last model. */
const generations: readonly [string, number, number, number, string][] = [
  ["AuthenticAMD", 23, 0x31, 0x31, "Zen 2"],
  ["AuthenticAMD", 25, 0x00, 0x0f, "Zen 3"],
  ["AuthenticAMD", 25, 0x10, 0x1f, "Zen 4"],
  ["AuthenticAMD", 25, 0x60, 0x7f, "Zen 4"],
  ["AuthenticAMD", 25, 0xa0, 0xaf, "Zen 4"],
  ["AuthenticAMD", 26, 0x00, 0xff, "Zen 5"],
  ["GenuineIntel", 6, 85, 85, "Skylake"],
  ["GenuineIntel", 6, 106, 106, "Ice Lake"],
  ["GenuineIntel", 6, 143, 143, "Sapphire Rapids"],
  ["GenuineIntel", 6, 173, 173, "Granite Rapids"],
  ["GenuineIntel", 6, 207, 207, "Emerald Rapids"],
];

/**
 * The name of a processor, with its generation in brackets where that is known: on virtual machines the
 * model is often no more than "AMD EPYC".
 *
 * @param model what the system calls it
 * @param cpuinfo Linux's `/proc/cpuinfo`, or nothing
 */
export function processorName(model: string, cpuinfo: string): string {
  const name =
    model.replaceAll(/\((R|TM)\)|@.*$|\b(CPU|Processor)\b/gi, " ").replaceAll(/\s+/g, " ")
      .trim() || "unknown";
  const field = (key: string) => cpuinfo.match(new RegExp(`^${key}\\s*: (.*)$`, "m"))?.[1];
  const [maker, family, number] = [field("vendor_id"), field("cpu family"), field("model")];
  const generation = generations.find(([of, its, first, last]) =>
    of === maker && its === Number(family) && first <= Number(number) && Number(number) <= last
  );
  return generation === undefined ? name : `${name} (${generation[4]})`;
}

/** A device's name as the name of a folder: `AMD EPYC (Zen 4)` is `amd_epyc_zen4`. */
export function folderName(device: string): string {
  return device.toLowerCase().replaceAll(/(?<=[a-z]) (?=\d)/g, "").replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_|_$/g, "");
}

/** The processor of this machine. */
export function thisProcessor(): string {
  let cpuinfo = "";
  try {
    cpuinfo = Deno.readTextFileSync("/proc/cpuinfo");
  } catch {
    // Not Linux: the model alone.
  }
  return processorName(cpus()[0]?.model ?? "", cpuinfo);
}
