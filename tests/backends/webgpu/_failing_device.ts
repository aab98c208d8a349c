/**
 * GPUs that run out of memory or go away when a test wants it.
 *
 * The loss is a real one, by `GPUDevice.destroy`. Software adapters give memory as long as the machine
 * has any, so a refused allocation is made as WebGPU makes it: an invalid buffer, and an error in the
 * scope that is open.
 *
 * @module
 */
import {
  createWebgpuBackend,
  requestAdapter,
  type WebgpuBackend,
} from "../../../backends/webgpu/mod.ts";

/** What a test does to a device. */
export interface FailingDevice {
  /** From now on there is no memory for buffers of this size or more, bytes. */
  refuseFrom(bytes: number): void;
  lose(): void;
  /** Has `listener` told of each submission of work, after it. */
  onSubmit(listener: () => void): void;
}

/** Makes the adapter's devices fail as told; `onDevice` receives each. */
export function makeFailing(adapter: GPUAdapter, onDevice: (device: FailingDevice) => void): void {
  const requestDevice = adapter.requestDevice.bind(adapter);
  Object.defineProperty(adapter, "requestDevice", {
    value: async (descriptor?: GPUDeviceDescriptor) => {
      const device = await requestDevice(descriptor);
      onDevice(failing(device));
      return device;
    },
  });
}

function failing(device: GPUDevice): FailingDevice {
  const [createBuffer, pop] = [device.createBuffer.bind(device), device.popErrorScope.bind(device)];
  let limit = Infinity;
  let isRefused = false;
  const replace = (name: string, value: unknown) => Object.defineProperty(device, name, { value });
  replace("createBuffer", (descriptor: GPUBufferDescriptor) => {
    const buffer = createBuffer(descriptor);
    if (descriptor.size < limit) return buffer;
    isRefused = true;
    buffer.destroy();
    return buffer;
  });
  replace("popErrorScope", async () => {
    const wasRefused = isRefused;
    isRefused = false;
    const error = await pop();
    return wasRefused ? new GPUOutOfMemoryError("not enough memory left") : error;
  });
  return {
    refuseFrom: (bytes) => limit = bytes,
    lose: () => device.destroy(),
    onSubmit(listener) {
      const { queue } = device;
      const submit = queue.submit.bind(queue);
      const value = (work: GPUCommandBuffer[]) => {
        submit(work);
        listener();
      };
      Object.defineProperty(queue, "submit", { value });
    },
  };
}

/** A backend on a device that fails as told. */
export async function openFailing(): Promise<{ backend: WebgpuBackend; device: FailingDevice }> {
  const adapter = await requestAdapter();
  let device: FailingDevice | null = null;
  makeFailing(adapter, (opened) => device = opened);
  const backend = await createWebgpuBackend({ adapter });
  return { backend, device: device! };
}
