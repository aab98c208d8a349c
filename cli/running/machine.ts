/** Facts about the machine and what this process may do, for a report that can be published. */
import { statfsSync } from "node:fs";
import { cpus } from "node:os";
import { machineMemory } from "./memory_room.ts";

/** Something that mimic uses a permission for. */
export interface PermissionReport {
  readonly permission: string;
  readonly granted: boolean;
  /** What does not work without it. */
  readonly serves: string;
  /** What to add to the command. */
  readonly flag: string;
}

/** The machine; null for anything that may not be queried. */
export interface MachineReport {
  readonly os: string;
  readonly osRelease: string | null;
  readonly architecture: string;
  readonly processor: string | null;
  readonly threads: number;
  readonly memory: { readonly totalBytes: number; readonly availableBytes: number } | null;
  /** Of the disk that holds the current folder. */
  readonly freeDiskBytes: number | null;
}

function orNull<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch {
    return null;
  }
}

function mayAsk(kind: string): boolean {
  return isGranted({ name: "sys", kind } as Deno.SysPermissionDescriptor);
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}

/** Examines the machine; requests no missing permission, which would stop at a prompt. */
export function describeMachine(): MachineReport {
  const memory = mayAsk("systemMemoryInfo") ? orNull(() => Deno.systemMemoryInfo()) : null;
  const disk = mayAsk("statfs") && isGranted({ name: "read" })
    ? orNull(() => statfsSync("."))
    : null;
  return {
    os: Deno.build.os,
    osRelease: mayAsk("osRelease") ? orNull(() => Deno.osRelease()) : null,
    architecture: Deno.build.arch,
    processor: mayAsk("cpus") ? orNull(() => cpus()[0].model) : null,
    threads: navigator.hardwareConcurrency,
    memory: memory && machineMemory(memory),
    freeDiskBytes: disk && Number(disk.bavail) * Number(disk.bsize),
  };
}

/** Hosts that published weights come from. */
const hosts = [
  "download.openmmlab.com",
  "github.com",
  "objects.githubusercontent.com",
  "release-assets.githubusercontent.com",
];

const cacheVariables = ["HOME", "MIMIC_CACHE", "USERPROFILE", "XDG_CACHE_HOME"];

/** The variables that sharp reads when it loads. */
const sharpVariables = ["MALLOC_ARENA_MAX", "npm_package_config_libvips"];

function variables(names: readonly string[]): Deno.PermissionDescriptor[] {
  return names.map((variable) => ({ name: "env", variable }));
}

const wanted: readonly (Omit<PermissionReport, "granted"> & {
  readonly descriptors: readonly Deno.PermissionDescriptor[];
})[] = [
  {
    permission: "read",
    serves: "images, recipes, checkpoints",
    flag: "--allow-read",
    descriptors: [{ name: "read" }],
  },
  {
    permission: "write",
    serves: "runs and converted checkpoints",
    flag: "--allow-write",
    descriptors: [{ name: "write" }],
  },
  {
    permission: "ffi",
    serves: "machine code on the CPU, native image decoding",
    flag: "--allow-ffi",
    descriptors: [{ name: "ffi" }],
  },
  {
    permission: "net",
    serves: "downloads of published weights",
    flag: `--allow-net=${hosts.join(",")}`,
    descriptors: hosts.map((host) => ({ name: "net", host })),
  },
  {
    permission: "sys systemMemoryInfo",
    serves: "a micro-batch that fits in memory",
    flag: "--allow-sys=systemMemoryInfo",
    descriptors: [{ name: "sys", kind: "systemMemoryInfo" }],
  },
  {
    permission: "sys statfs",
    serves: "a warning before the disk is full",
    flag: "--allow-sys=statfs",
    descriptors: [{ name: "sys", kind: "statfs" } as unknown as Deno.PermissionDescriptor],
  },
  {
    permission: "env, cache",
    serves: "finding the download folder",
    flag: `--allow-env=${cacheVariables.join(",")}`,
    descriptors: variables(cacheVariables),
  },
  {
    permission: "env, sharp",
    serves: "native image decoding",
    flag: `--allow-env=${sharpVariables.join(",")}`,
    descriptors: variables(sharpVariables),
  },
];

/** Which of the permissions that mimic can use this process has. */
export function describePermissions(): PermissionReport[] {
  return wanted.map(({ descriptors, ...rest }) => ({
    ...rest,
    granted: descriptors.every(isGranted),
  }));
}

/** Something optional that makes mimic faster. */
export interface AcceleratorReport {
  readonly name: string;
  readonly starts: boolean;
  readonly detail: string;
}

/** The image decoder: native if it starts, and which one a run selects by itself. */
export async function describeDecoder(): Promise<AcceleratorReport> {
  const { createImageDecoder } = await import("../../data/images/decode.ts");
  const { name } = await createImageDecoder();
  if (name === "sharp") {
    return { name: "image decoding", starts: true, detail: "sharp (libvips)" };
  }
  const detail = "portable decoder (WebAssembly); ";
  if (!isGranted({ name: "ffi" })) {
    return { name: "image decoding", starts: false, detail: `${detail}sharp needs --allow-ffi` };
  }
  try {
    await createImageDecoder({ native: true });
    const why = "sharp would start with --allow-read, --allow-ffi and --allow-env";
    return { name: "image decoding", starts: false, detail: detail + why };
  } catch (error) {
    const { messageOf } = await import("../../core/errors.ts");
    return { name: "image decoding", starts: false, detail: detail + messageOf(error) };
  }
}

/**
 * Removes anything that says where on this machine something is: only the last part of a path
 * stays.
 *
 * @example
 * ```ts
 * import { withoutPaths } from "./machine.ts";
 * const text = 'Requires read access to "/home/ada/photos/cat.jpg"';
 * if (withoutPaths(text) !== 'Requires read access to "…/cat.jpg"') throw new Error();
 * ```
 */
export function withoutPaths(text: string): string {
  return text
    .replaceAll("file://", "")
    .replace(/(["'])(?:\/|[A-Za-z]:\\)[^"']*[/\\]([^"'/\\]+)\1/g, "$1…/$2$1")
    .replace(/(?<![\w.…/:])(?:\/[^\s"'/:,;()]+)*\/([^\s"'/:,;()]+)/g, "…/$1")
    .replace(/\b[A-Za-z]:\\(?:[^\s"'\\:]+\\)*([^\s"'\\:]+)/g, "…/$1");
}

/** {@link withoutPaths} applied to all texts in a value, for JSON. */
export function valueWithoutPaths<T>(value: T): T {
  return JSON.parse(
    JSON.stringify(value),
    (_key, inner) => typeof inner === "string" ? withoutPaths(inner) : inner,
  );
}
