/** The `cpu` backend. @module */
export { type CpuBackendOptions, createCpuBackend } from "./create_cpu_backend.ts";
