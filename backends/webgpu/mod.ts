/** The `webgpu` backend; see `create_webgpu_backend.ts`. @module */
export { createWebgpuBackend } from "./create_webgpu_backend.ts";
export type { WebgpuBackend, WebgpuOptions } from "./create_webgpu_backend.ts";
export { requestAdapter, summarizeAdapter } from "./adapter.ts";
export type { AdapterOptions, AdapterSummary } from "./adapter.ts";
