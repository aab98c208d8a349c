/** Every collective operation once; rank 0 prints what all ranks have, as JSON. */
import { broadcastMessage, gatherJson } from "../../../distributed/communicator.ts";
import { openCommunicator } from "../../../distributed/mpi/open_communicator_ffi.ts";

const communicator = await openCommunicator({ launcher: "mpi" });
const { rank, size } = communicator;

// Several at once, larger than what goes in one message between processes.
const many = Array.from(
  { length: 4 },
  (_, i) => new Float32Array(100_000).fill((rank + 1) * 10 ** i),
);
await Promise.all(many.map((values) => communicator.allReduce(values)));
const largest = Float32Array.of(rank, -rank);
await communicator.allReduce(largest, "max");
// 1/3 is rounded; the sum is rounded again.
const half = new Float16Array([rank + 0.5, 1 / 3]);
await communicator.allReduce(new Uint16Array(half.buffer));

// Thirds have sums that depend on the order of the ranks.
const uneven = Float32Array.from({ length: 5000 }, (_, i) => (i + 1) / (3 * rank + 7));
await communicator.allReduce(uneven);
const bits = await communicator.gather(new Uint8Array(uneven.buffer));

const last = new Uint8Array(3).fill(rank);
await communicator.broadcast(last, size - 1);
const parts = await communicator.gather(new Uint8Array(rank).fill(rank));
const message = await broadcastMessage(
  communicator,
  rank === 0 ? { header: { step: 7 }, bytes: [Uint8Array.of(1, 2), new Uint8Array(0)] } : null,
);
await communicator.barrier();

const all = await gatherJson(communicator, {
  rank,
  size,
  sums: many.map((values) => [values[0], values.at(-1)]),
  largest: [...largest],
  half: [...half],
  hasSameBits: bits.every((other) => other.every((byte, i) => byte === bits[0][i])),
  last: [...last],
  parts: parts.map((part) => [...part]),
  message: { header: message.header, bytes: message.bytes.map((part) => [...part]) },
  hostSharers: communicator.hostSharers,
});
if (rank === 0) console.log(JSON.stringify(all));
await communicator.close();
