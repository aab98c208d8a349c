/**
 * Trains one tiny model after another on the ranks that it is started on. Rank 0 prints, for each, the
 * losses and what the ranks' parameters looked like at its checkpoints, as JSON.
 *
 *     train.ts '[{"task": "pretrain", "overrides": […], "directory": "…"}, …]'
 */
import type { Communicator } from "../../../distributed/communicator.ts";
import { openCommunicator } from "../../../distributed/mpi/open_communicator_ffi.ts";
import { type Job, runTask } from "../_jobs.ts";

const jobs = JSON.parse(Deno.args[0]) as Job[];
const communicator = await openCommunicator();

/** Listens to the fingerprints of parameters that ranks compare at checkpoints. */
function spyOn(inner: Communicator, prints: string[][]): Communicator {
  const spy = Object.create(inner) as Communicator;
  const methods = ["allReduce", "progress", "broadcast", "barrier", "abort", "close"] as const;
  for (const name of methods) Object.defineProperty(spy, name, { value: inner[name].bind(inner) });
  for (const name of ["rank", "size", "description", "hostSharers", "coreSharers"] as const) {
    Object.defineProperty(spy, name, { value: inner[name] });
  }
  spy.gather = async (bytes) => {
    const all = await inner.gather(bytes);
    const texts = all.map((part) => new TextDecoder().decode(part));
    if (texts.every((text) => /^"[0-9a-f]{16}"$/.test(text))) prints.push(texts);
    return all;
  };
  return spy;
}

const results = [];
for (const job of jobs) {
  const prints: string[][] = [];
  const outcome = await runTask(job, spyOn(communicator, prints));
  results.push({ ...outcome, prints });
}
if (communicator.rank === 0) console.log(JSON.stringify(results));
await communicator.close();
