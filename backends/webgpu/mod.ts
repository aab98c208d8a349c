/** The `webgpu` backend; see `create_webgpu_backend.ts`. @module */
export { createWebgpuBackend } from "./create_webgpu_backend.ts";
export type { WebgpuBackend, WebgpuOptions } from "./create_webgpu_backend.ts";
export { listAdapters, requestAdapter, summarizeAdapter } from "./adapter.ts";
export type {
  AdapterChoice,
  AdapterOptions,
  AdapterSummary,
  MatrixConfig,
  WebgpuImplementation,
} from "./adapter.ts";
