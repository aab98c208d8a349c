/** Takes steps on Dawn that share reads as those of a run do, and prints how often the program waited for it. */
import { createWebgpuBackend, requestAdapter } from "../../../../backends/webgpu/mod.ts";
import { tf } from "../../../../deps/tfjs.ts";
import { mostSharedSteps, StepReader } from "../../../../pipeline/engine/training/step_reader.ts";
import { smallConfig, Trainee } from "../_trainee.ts";

const adapter = await requestAdapter({ implementation: "dawn" });
const counts = { reads: 0, waits: 0 };
const requestDevice = adapter.requestDevice.bind(adapter);

/** Counts the calls of a method before it does its work. */
function count(owner: object, name: string, key: keyof typeof counts): void {
  const method = Reflect.get(owner, name).bind(owner);
  const value = (...args: unknown[]) => {
    counts[key]++;
    return method(...args);
  };
  Object.defineProperty(owner, name, { value });
}

Object.defineProperty(adapter, "requestDevice", {
  value: async (descriptor?: GPUDeviceDescriptor) => {
    const device = await requestDevice(descriptor);
    const createBuffer = device.createBuffer.bind(device);
    const value = (descriptor: GPUBufferDescriptor) => {
      const buffer = createBuffer(descriptor);
      if (descriptor.usage & GPUBufferUsage.MAP_READ) count(buffer, "mapAsync", "reads");
      return buffer;
    };
    Object.defineProperty(device, "createBuffer", { value });
    count(device.queue, "onSubmittedWorkDone", "waits");
    return device;
  },
});
const backend = await createWebgpuBackend({ adapter, matrices: false });
const trainee = new Trainee(backend, "float16", {
  config: { ...smallConfig, depth: 1, earlyLayers: 1 },
});
let time = 0;
const reader = new StepReader(trainee.on, () => time += 0.01);
const news = { isStopping: false, warnings: 0 };
const known: number[] = [];
const steps = 1 + 2 * mostSharedSteps;
counts.reads = counts.waits = 0;
for (let step = 1; step <= steps; step++) {
  const { loss, gradients } = trainee.gradients(step);
  const packed = backend.run(() => tf.reshape(loss, [1]));
  tf.dispose([loss, ...gradients]);
  const rest = { learningRate: 0, dataTime: 0, stages: {} };
  for (const found of await reader.add({ step, names: ["loss"], packed, ...rest }, news)) {
    known.push(found.step);
  }
}
const { unknown } = reader;
for (const { step } of await reader.finish(news)) known.push(step);
console.log(JSON.stringify({ ...counts, steps, known, unknown }));
trainee.dispose();
await backend.dispose();
