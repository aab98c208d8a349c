/** Rank 1 stays away from a barrier; rank 0 gives it up. */
import { openCommunicator } from "../../../distributed/mpi/open_communicator_ffi.ts";

const communicator = await openCommunicator();
if (communicator.rank === 1) await new Promise((resolve) => setTimeout(resolve, 60_000));
communicator.timeoutSeconds = 1;
try {
  await communicator.barrier();
} catch (error) {
  console.error(String(error));
  communicator.abort(3);
}
