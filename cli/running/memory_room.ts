/** How much memory there is: the machine's, or that of the container if it is less. */
import process from "node:process";

/** Memory that a run may rely on, in bytes. */
export interface MemoryRoom {
  readonly totalBytes: number;
  /** What others currently leave of it. */
  readonly availableBytes: number;
  readonly of: "machine" | "container";
}

/** Reads a small system file; null if it does not exist or may not be read. */
export type ReadSystemFile = (path: string) => string | null;

/** A process group's limit, and how much of it is in use, not counting what is reclaimed on demand. */
interface GroupLimit {
  readonly limitBytes: number;
  readonly usedBytes: number;
}

/** Where a hierarchy of control groups is mounted, and the files of one group. */
const hierarchies = {
  v2: {
    mount: "/sys/fs/cgroup",
    limit: "memory.max",
    used: "memory.current",
    reclaimable: "inactive_file",
  },
  v1: {
    mount: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file",
  },
} as const;

/** For no limit, version 1 has a number near 2^63, version 2 "max". */
const unlimited = 2 ** 60;

function numberIn(text: string | null): number | null {
  const value = text === null ? NaN : Number(text.trim());
  return Number.isFinite(value) ? value : null;
}

/** The group's own folder and its parents, up to the mount: each of them sets limits. */
function foldersOf(mount: string, group: string): string[] {
  const parts = group.split("/").filter((part) => part !== "" && part !== "..");
  return parts.map((_, index) => `${mount}/${parts.slice(0, index + 1).join("/")}`).concat(mount);
}

interface Group {
  readonly kind: keyof typeof hierarchies;
  readonly group: string;
}

/** The groups that this process is in, by hierarchy: `/proc/self/cgroup` has a line for each. */
function groupsOf(text: string): Group[] {
  return text.split("\n").flatMap((line): Group[] => {
    const [, controllers, group] = line.match(/^\d+:([^:]*):(.*)$/) ?? [];
    if (group === undefined) return [];
    if (controllers === "") return [{ kind: "v2", group }];
    return controllers.split(",").includes("memory") ? [{ kind: "v1", group }] : [];
  });
}

/** The limits of the control groups, of both versions, that this process is in. */
export function groupLimits(read: ReadSystemFile): GroupLimit[] {
  return groupsOf(read("/proc/self/cgroup") ?? "").flatMap(({ kind, group }) => {
    const { mount, limit, used, reclaimable } = hierarchies[kind];
    return foldersOf(mount, group).flatMap((folder) => {
      const limitBytes = numberIn(read(`${folder}/${limit}`));
      if (limitBytes === null || limitBytes >= unlimited) return [];
      const cached = read(`${folder}/memory.stat`)?.match(
        new RegExp(`^${reclaimable} (\\d+)`, "m"),
      );
      const taken = numberIn(read(`${folder}/${used}`)) ?? 0;
      return [{ limitBytes, usedBytes: Math.max(0, taken - Number(cached?.[1] ?? 0)) }];
    });
  });
}

/** The machine's memory under all limits: the lowest of each. */
export function roomUnder(
  machine: Pick<MemoryRoom, "totalBytes" | "availableBytes">,
  limits: readonly GroupLimit[],
): MemoryRoom {
  const total = Math.min(...limits.map(({ limitBytes }) => limitBytes), Infinity);
  const left = limits.map(({ limitBytes, usedBytes }) => Math.max(0, limitBytes - usedBytes));
  return {
    totalBytes: Math.min(machine.totalBytes, total),
    availableBytes: Math.min(machine.availableBytes, ...left),
    of: total < machine.totalBytes ? "container" : "machine",
  };
}

/** Deno lets a program read these only with `--allow-all`, and does not prompt. */
function readSystemFile(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null;
  }
}

/** The machine's memory as Deno reports it: on Windows, only the free bytes, and 0 as available. */
export function machineMemory(
  { total, available, free }: Pick<Deno.SystemMemoryInfo, "total" | "available" | "free">,
): Pick<MemoryRoom, "totalBytes" | "availableBytes"> {
  return { totalBytes: total, availableBytes: available || free };
}

/** The available memory; null if it may not be queried. */
export function memoryRoom(): MemoryRoom | null {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  if (state !== "granted") return null;
  const limits = groupLimits(readSystemFile);
  // The runtime knows the limit of its own group without that permission, but not what others use of it.
  const own = process.constrainedMemory();
  if (own > 0 && own < unlimited) {
    limits.push({ limitBytes: own, usedBytes: Deno.memoryUsage().rss });
  }
  return roomUnder(machineMemory(Deno.systemMemoryInfo()), limits);
}
