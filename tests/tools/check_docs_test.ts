import assert from "node:assert/strict";
import { isOurs, readDocErrors } from "../../tools/check_docs.ts";

const output = `error[private-type-ref]: public type 'Loop' references private type 'Relay'
  --> /here/pipeline/loop.ts:57:1
   | 
57 | export interface Loop {
   | ^

error[missing-jsdoc]: exported symbol is missing JSDoc documentation
  --> /here/models/a.ts:60:12

error[missing-jsdoc]: exported symbol is missing JSDoc documentation
  --> /cache/npm/registry/@tensorflow/tfjs-core/4.22.0/dist/tensor.d.ts:1:1

error[missing-jsdoc]: exported symbol is missing JSDoc documentation
   --> /here/deps/tfjs.ts:9:8

error[private-type-ref]: public type 'Config' references private type 'pretrainSchema'
   --> /here/methods/beit/config.ts:169:1

error[private-type-ref]: public type 'Config' references private type 'Layers'
   --> /here/methods/beit/config.ts:170:1

error: Found 6 documentation lint errors.
`;

Deno.test("readDocErrors() reads what deno doc prints; those of packages are not ours", () => {
  const errors = readDocErrors(output);
  assert.equal(errors.length, 6);
  assert.deepEqual(errors[0], {
    code: "private-type-ref",
    message: "public type 'Loop' references private type 'Relay'",
    path: "/here/pipeline/loop.ts",
    place: ":57:1",
  });
  const own = errors.filter((error) => isOurs(error, "/here/"));
  assert.deepEqual(own.map(({ path }) => path), [
    "/here/pipeline/loop.ts",
    "/here/models/a.ts",
    "/here/methods/beit/config.ts",
  ]);
});
