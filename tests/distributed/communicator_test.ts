import assert from "node:assert/strict";
import { single } from "../../distributed/single.ts";
import { familyOf } from "../../distributed/mpi/families.ts";
import { addFloat16 } from "../../distributed/mpi/float16_sum_ffi.ts";
import { findLaunch } from "../../distributed/mpi/launch_ffi.ts";
import { openLibrary } from "../../distributed/mpi/library_ffi.ts";
import { openCommunicator } from "../../distributed/mpi/open_communicator_ffi.ts";
import { UserError } from "../../core/errors.ts";
import { mpiTest, programPath, runWell } from "./_mpirun.ts";

Deno.test("single is a job of one that changes nothing", async () => {
  const values = Float32Array.of(1, 2);
  await single.allReduce(values);
  assert.deepEqual([...values], [1, 2]);
  assert.deepEqual(await single.gather(Uint8Array.of(3)), [Uint8Array.of(3)]);
});

Deno.test("addFloat16() adds in float32 and rounds once", () => {
  const bits = (...values: number[]) => new Uint16Array(new Float16Array(values).buffer);
  const into = bits(2048, 1.5, -65504, Infinity);
  addFloat16(bits(1.5, 0.25, -65504, -Infinity), into);
  // 2049.5 lies between 2048 and 2050.
  assert.deepEqual([...new Float16Array(into.buffer)], [2050, 1.75, -Infinity, NaN]);
});

Deno.test("findLaunch() knows the launchers by their variables", () => {
  const launch = (variables: Record<string, string>) => findLaunch((name) => variables[name]);
  assert.equal(launch({}), null);
  assert.deepEqual(launch({ OMPI_COMM_WORLD_RANK: "3", PMIX_RANK: "3" }), {
    rank: 3,
    isOpenMpi: true,
  });
  assert.deepEqual(launch({ PMI_RANK: "1" }), { rank: 1, isOpenMpi: false });
  assert.deepEqual(launch({ PMIX_RANK: "2", SLURM_STEP_NUM_TASKS: "4" }), {
    rank: 2,
    isOpenMpi: false,
  });
  assert.equal(launch({ SLURM_STEP_NUM_TASKS: "1" }), null);
  assert.throws(() => launch({ SLURM_STEP_NUM_TASKS: "2" }), /srun --mpi=pmix/);
});

Deno.test("familyOf() tells the three ABIs apart", () => {
  const openMpi = (symbol: string) => symbol === "ompi_mpi_comm_world";
  assert.equal(familyOf("libmpi.so.40", openMpi).name, "openmpi");
  assert.equal(familyOf("/usr/lib/libmpich.so.12", () => false).name, "mpich");
  assert.equal(familyOf("/opt/mpi/libmpi_abi.so.1", openMpi).name, "abi");
});

Deno.test("openLibrary() says what the loader says", () => {
  assert.throws(() => openLibrary("/nowhere/libmpi.so", true), (error: unknown) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /\/nowhere\/libmpi\.so".*No such file/);
    return true;
  });
});

Deno.test("openCommunicator() takes none, mpi and nothing else", async () => {
  assert.equal(await openCommunicator({ launcher: "none" }), single);
  assert.equal(await openCommunicator({}), single);
  await assert.rejects(
    openCommunicator({ launcher: "pytorch" }),
    /supports none and mpi.*mpirun -n 8/s,
  );
});

for (const ranks of [1, 2, 3]) {
  mpiTest(
    `MpiCommunicator: every operation on ${ranks} rank${ranks === 1 ? "" : "s"}`,
    async () => {
      const { stdout } = await runWell(ranks, programPath("collectives"));
      const all = JSON.parse(stdout) as Record<string, unknown>[];
      const sum = ranks * (ranks + 1) / 2;
      for (const [rank, own] of all.entries()) {
        assert.deepEqual(own, {
          rank,
          size: ranks,
          sums: [1, 10, 100, 1000].map((factor) => [sum * factor, sum * factor]),
          largest: [ranks - 1, 0],
          half: [
            ranks * ranks / 2,
            // float16's third, summed with a rounding each time.
            [0.333251953125, 0.66650390625, 1][ranks - 1],
          ],
          hasSameBits: true,
          last: Array(3).fill(ranks - 1),
          parts: Array.from({ length: ranks }, (_, other) => Array(other).fill(other)),
          message: { header: { step: 7 }, bytes: [[1, 2], []] },
          hostSharers: ranks,
        });
      }
    },
  );
}
