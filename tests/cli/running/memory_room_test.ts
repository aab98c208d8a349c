import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import {
  groupLimits,
  machineMemory,
  memoryRoom,
  roomUnder,
} from "../../../cli/running/memory_room.ts";

const gibibyte = 2 ** 30;
const machine = { totalBytes: 64 * gibibyte, availableBytes: 50 * gibibyte };

/** The memory that a process sees whose system files are these. */
async function roomWith(files: Record<string, string>) {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(dirname(join(root, path)), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    const read = (path: string) => {
      try {
        return Deno.readTextFileSync(join(root, path));
      } catch {
        return null;
      }
    };
    return roomUnder(machine, groupLimits(read));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("without control groups, or without limits in them, the machine's memory counts", async () => {
  const whole = { ...machine, of: "machine" };
  assert.deepEqual(await roomWith({}), whole);
  assert.deepEqual(
    await roomWith({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "max\n" }),
    whole,
  );
  assert.deepEqual(
    await roomWith({
      "/proc/self/cgroup": "4:memory:/\n3:cpu:/\n0::/\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }),
    whole,
  );
});

Deno.test("version 2: the lowest limit on the way up counts, less what is taken for good", async () => {
  const room = await roomWith({
    "/proc/self/cgroup": "0::/pods/one\n",
    "/sys/fs/cgroup/pods/one/memory.max": `${8 * gibibyte}\n`,
    "/sys/fs/cgroup/pods/one/memory.current": `${3 * gibibyte}\n`,
    "/sys/fs/cgroup/pods/one/memory.stat": `anon 1\ninactive_file ${gibibyte}\n`,
    "/sys/fs/cgroup/pods/memory.max": `${4 * gibibyte}\n`,
    "/sys/fs/cgroup/pods/memory.current": `${gibibyte}\n`,
  });
  assert.deepEqual(room, {
    totalBytes: 4 * gibibyte,
    availableBytes: 3 * gibibyte,
    of: "container",
  });
});

Deno.test("version 1: the limit is found in a container whose path is the host's", async () => {
  const room = await roomWith({
    "/proc/self/cgroup": "11:cpuset,memory:/docker/0123\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${2 * gibibyte}\n`,
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": `${gibibyte}\n`,
    "/sys/fs/cgroup/memory/memory.stat": `cache 1\ntotal_inactive_file ${gibibyte / 2}\n`,
  });
  assert.deepEqual(room, {
    totalBytes: 2 * gibibyte,
    availableBytes: 1.5 * gibibyte,
    of: "container",
  });
});

Deno.test("both versions: the lower limit wins, and one above the machine's memory does not count", async () => {
  const files = {
    "/proc/self/cgroup": "4:memory:/a\n0::/b\n",
    "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": `${6 * gibibyte}\n`,
    "/sys/fs/cgroup/b/memory.max": `${5 * gibibyte}\n`,
  };
  assert.equal((await roomWith(files)).totalBytes, 5 * gibibyte);
  const large = { ...files, "/sys/fs/cgroup/b/memory.max": `${100 * gibibyte}\n` };
  assert.equal((await roomWith(large)).totalBytes, 6 * gibibyte);
});

Deno.test("this machine has memory", () => {
  const room = memoryRoom();
  assert.ok(room !== null && room.totalBytes > 2 ** 28 && room.availableBytes > 0);
});

Deno.test("where Deno tells no available memory, as on Windows, the free one counts", () => {
  const [total, free] = [machine.totalBytes, 40 * gibibyte];
  assert.equal(machineMemory({ total, free, available: 0 }).availableBytes, free);
  assert.equal(
    machineMemory({ total, free, available: 50 * gibibyte }).availableBytes,
    50 * gibibyte,
  );
});
