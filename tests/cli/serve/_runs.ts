/** Run directories as runs write them, made in milliseconds. */

/** Writes a run of some steps; `log` keeps it open for more. */
export function writeRun(
  directory: string,
  { steps, lr, done = true, task = "pretrain", scheduleSteps = done ? steps : 100 }: {
    steps: number;
    lr: number;
    done?: boolean;
    task?: string;
    scheduleSteps?: number;
  },
): void {
  Deno.mkdirSync(directory, { recursive: true });
  const config = { task, seed: 0, output: directory, optimizer: { lr, betas: [0.9, 0.98] } };
  const origins = { "optimizer.lr": "--set optimizer.lr" };
  Deno.writeTextFileSync(`${directory}/config.json`, JSON.stringify({ config, origins }));
  Deno.writeTextFileSync(`${directory}/report.html`, "<!doctype html><h1>its report</h1>");
  const events: object[] = [{
    ...{ type: "start", step: 0, totalSteps: done ? steps : scheduleSteps, scheduleSteps, time: 1 },
    device: "cpu: made up",
  }];
  for (let step = 10; step <= steps; step += 10) {
    const [name, key] = task === "pretrain" ? ["features", "knnTop1"] : ["classifier", "top1"];
    events.push({ type: "evaluation", step, name, result: { [key]: step / 200 }, time: step });
  }
  if (done) events.push({ type: "done", step: steps, interrupted: false, time: steps });
  Deno.writeTextFileSync(
    `${directory}/events.jsonl`,
    events.map((event) => JSON.stringify(event) + "\n").join(""),
  );
  Deno.writeTextFileSync(`${directory}/metrics.jsonl`, "");
  for (let step = 1; step <= steps; step++) appendStep(directory, step, lr);
}

/** Appends a step to a run. */
export function appendStep(directory: string, step: number, lr: number): void {
  const metrics = {
    step,
    loss: 5 * Math.exp(-step * lr * 20) + 1,
    learningRate: lr,
    gradNorm: step === 7 ? null : 1,
    skipped: step === 7,
    imagesPerSecond: 100,
    stepTime: 0.1,
    stages: { encode: 0.05 },
  };
  Deno.writeTextFileSync(`${directory}/metrics.jsonl`, JSON.stringify(metrics) + "\n", {
    append: true,
  });
}
