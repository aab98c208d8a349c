/** Pretrains on ranks of which rank 1 gets other sums in one step. Rank 0 prints the warnings as JSON. */
import type { Communicator } from "../../../distributed/communicator.ts";
import { openCommunicator } from "../../../distributed/mpi/open_communicator_ffi.ts";
import { runTask } from "../_jobs.ts";

const communicator: Communicator = await openCommunicator();
const allReduce = communicator.allReduce.bind(communicator);
let large = 0;
communicator.allReduce = async (values, reduction) => {
  await allReduce(values, reduction);
  // Gradients are large, the numbers of a step are not.
  if (values.length > 1000 && ++large === 7 && communicator.rank === 1) values[0] += 1e-3;
};
const job = { task: "pretrain", overrides: JSON.parse(Deno.args[0]), directory: null } as const;
const { warnings } = await runTask(job, communicator);
if (communicator.rank === 0) console.log(JSON.stringify(warnings));
await communicator.close();
