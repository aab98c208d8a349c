/** `doctor`: what works on this machine, what does not, and why. */
import type { Backend } from "../../backends/backend.ts";
import type { BackendReport } from "../../tasks/doctor/doctor.ts";
import project from "../../deno.json" with { type: "json" };
import { type CommandContext, defineCommand, exitCodes, path, toggle } from "../parsing/command.ts";
import type { AcceleratorReport } from "../running/machine.ts";

/** Examines all backends, one after another. */
async function examineAll(
  flags: { readonly parity: boolean; readonly quick: boolean },
  context: CommandContext,
): Promise<BackendReport[]> {
  const { candidates, examineBackend } = await import("../../tasks/doctor/doctor.ts");
  const { compareFixtures } = await import("../../bench/parity/compare_fixtures.ts");
  const { bundledFixtures } = await import("../../bench/parity/fixture_folder.ts");
  const { openMeasurements } = await import("../../checkpoints/hub/measurements.ts");
  const compare = (backend: Backend) => compareFixtures(bundledFixtures(), backend);
  const reports: BackendReport[] = [];
  for (const candidate of candidates) {
    if (context.signal.aborted) break;
    reports.push(
      await examineBackend(candidate, {
        now: () => performance.now() / 1000,
        measurements: openMeasurements(),
        test: !flags.quick,
        ...(flags.parity ? { parity: compare } : {}),
        onProgress: (text) => context.note(text),
      }),
    );
  }
  return reports;
}

/** What `--backend auto` selects: a real GPU, otherwise the CPU. */
function choiceOfAuto(reports: readonly BackendReport[]): string {
  const gpu = reports.find(({ backend }) => backend === "webgpu");
  return gpu?.starts && gpu.adapter?.isSoftware === false ? "webgpu" : "cpu";
}

/** What makes the CPU fast besides WebAssembly: the name and the options that ask for it. */
const accelerators = [
  { name: "machine code", options: { provider: "native" } },
  { name: "AMX tiles", options: { provider: "native-amx" } },
  { name: "BLAS", options: { provider: "blas" } },
] as const;

async function describeKernels(
  dumpKernels?: (name: string, bytes: Uint8Array) => void,
): Promise<AcceleratorReport[]> {
  const { createBackend } = await import("../../backends/mod.ts");
  const { messageOf } = await import("../../core/errors.ts");
  const found: AcceleratorReport[] = [];
  for (const { name, options } of accelerators) {
    try {
      const { backend } = await createBackend("cpu", { ...options, dumpKernels });
      const { description } = backend.capabilities;
      await backend.dispose();
      found.push({ name, starts: true, detail: description });
    } catch (error) {
      found.push({ name, starts: false, detail: messageOf(error) });
    }
  }
  return found;
}

/** Writes generated code into `folder`, one file per kernel; says how to read it. */
async function dumpInto(folder: string, { note }: CommandContext) {
  await Deno.mkdir(folder, { recursive: true });
  note(`writing the generated code to ${folder}; read a kernel with`);
  note("  objdump -D -b binary -m i386:x86-64 -M intel FOLDER/gemmBlock.x64");
  return (name: string, bytes: Uint8Array) => Deno.writeFileSync(`${folder}/${name}`, bytes);
}

/** Examines the machine; exit code 1 if a backend that starts does not work correctly. */
export const doctor = defineCommand({
  name: "doctor",
  summary: "Show what works on this machine, and why the rest does not",
  description:
    "Shows versions, processor, memory, disk, which backends start and why the others do " +
    "not, the GPU's features and limits, which kernels and number formats were timed on the CPU and " +
    "which are chosen, and missing permissions with the flags to add. " +
    "Then tests each backend for a few seconds: its ops, a matrix product, and pretraining steps " +
    "of a tiny model.\n\nThe output names none of your folders, so you can paste it into a bug report. Exit " +
    "code 1 means that a backend which starts does not work correctly.",
  flags: {
    parity: toggle("Also compare each backend with numbers of the reference code."),
    quick: toggle("Skip the self-test."),
    json: toggle("Print a single JSON document instead of text."),
    dumpKernels: path("Write the code generated for this processor to FOLDER.", {
      placeholder: "FOLDER",
    }),
  },
  examples: [
    ["doctor", "what to send with a bug report"],
    ["doctor --parity", "whether this GPU computes what PyTorch does"],
    ["doctor --quick --dump-kernels kernels", "WebAssembly and machine code, for a disassembler"],
  ],
  async run({ flags }, context) {
    const machine = await import("../running/machine.ts");
    const { hasRelaxedSimd } = await import("../../backends/cpu/wasm/encode_kernels.ts");
    const { doctorLines } = await import("../screen/doctor_text.ts");
    const { isHealthy } = await import("../../tasks/doctor/doctor.ts");
    const { deno, v8, typescript } = Deno.version;
    const dump = flags.dumpKernels === undefined
      ? undefined
      : await dumpInto(flags.dumpKernels, context);
    const found = [await machine.describeDecoder(), ...await describeKernels(dump)];
    const backends = await examineAll(flags, context);
    if (context.signal.aborted) return exitCodes.interrupted;
    const report = machine.valueWithoutPaths({
      versions: { mimic: project.version, deno, v8, typescript },
      machine: machine.describeMachine(),
      simd: `WebAssembly SIMD${hasRelaxedSimd() ? " with fused multiply-add" : ""}`,
      permissions: machine.describePermissions(),
      accelerators: found,
      backends,
      auto: choiceOfAuto(backends),
      ok: backends.every(isHealthy),
    });
    if (flags.json) context.printJson(report);
    else for (const line of doctorLines(report)) context.print(line);
    return report.ok ? exitCodes.done : 1;
  },
});
