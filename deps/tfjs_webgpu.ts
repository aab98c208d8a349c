/** tfjs' WebGPU backend class. Importing it registers its kernels under `webgpu`. @module */
export { WebGPUBackend } from "npm:@tensorflow/tfjs-backend-webgpu@4.22.0";
