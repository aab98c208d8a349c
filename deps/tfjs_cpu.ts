/** tfjs' plain JavaScript backend: it registers itself as `cpu` with tfjs when imported. @module */
export { MathBackendCPU } from "npm:@tensorflow/tfjs-backend-cpu@4.22.0";
