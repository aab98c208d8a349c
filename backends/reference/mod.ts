/** The `reference` backend: the oracle of the tests. @module */
export { createReferenceBackend } from "./create_reference_backend.ts";
