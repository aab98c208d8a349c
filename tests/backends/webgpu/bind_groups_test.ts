import assert from "node:assert/strict";
import { BindGroups } from "../../../backends/webgpu/bind_groups.ts";

/** A device that counts, and what it is given. */
function fixture() {
  const created: GPUBindGroupDescriptor[] = [];
  const device = {
    createBindGroup(descriptor: GPUBindGroupDescriptor) {
      created.push(descriptor);
      return { label: descriptor.label } as GPUBindGroup;
    },
  } as GPUDevice;
  const pipeline = () => ({ getBindGroupLayout: () => ({}) }) as unknown as GPUComputePipeline;
  const slice = (offset = 0) => ({ buffer: {} as GPUBuffer, offset, size: 16 });
  return { created, groups: new BindGroups(device), pipeline, slice };
}

Deno.test("a bind group is created once for the same buffers, parts of them and pipeline", () => {
  const { created, groups, pipeline, slice } = fixture();
  const [one, other] = [pipeline(), pipeline()];
  const [a, b] = [slice(), slice()];
  const first = groups.of("add", one, [a, b]);
  assert.equal(groups.of("add", one, [{ ...a }, { ...b }]), first);
  assert.equal(created.length, 1);
  const different = [
    groups.of("add", other, [a, b]),
    groups.of("add", one, [b, a]),
    groups.of("add", one, [a, { ...b, offset: 256 }]),
    groups.of("add", one, [a, { ...b, size: 8 }]),
    groups.of("add", one, [a, slice()]),
  ];
  assert.equal(new Set([first, ...different]).size, 6);
  assert.deepEqual([...created[0].entries].map(({ binding }) => binding), [0, 1]);
});

Deno.test("bind groups that have not been used for long are dropped, others stay", () => {
  const { created, groups, pipeline, slice } = fixture();
  const pipelines = pipeline();
  const [used, unused] = [slice(), slice()];
  groups.of("unused", pipelines, [unused]);
  for (let index = 0; index < 20_000; index++) {
    groups.of("used", pipelines, [used]);
    groups.of("other", pipelines, [slice()]);
  }
  const before = created.length;
  groups.of("used", pipelines, [used]);
  assert.equal(created.length, before);
  groups.of("unused", pipelines, [unused]);
  assert.equal(created.length, before + 1);
  assert.equal(created.filter(({ label }) => label === "used").length, 1);
});
