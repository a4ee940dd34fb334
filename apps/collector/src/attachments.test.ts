import { silentLog } from "@weir/runtime";
import { BpfError } from "libbpf-ts";
import { createAttachments } from "./attachments.ts";
import type { AttachmentsOptions } from "./attachments.ts";
import type { WantedInterface } from "./interfaces.ts";

const pod: WantedInterface = {
  ...{ ifindex: 7, name: "veth7", netns: undefined, namespace: "shop", pod: "cart", uid: "1" },
  ...{ own: false, layer3: false, direct: false, addresses: [] },
};

/** A kernel that has an entry for these interfaces and takes no program. */
function refusing(watched: number[]) {
  const endpoints = new Map<number, unknown>(watched.map((one) => [one, {}]));
  const removed: number[] = [];
  const options = {
    datapath: {
      map: () => ({ typed: () => endpoints, delete: () => true }),
      pins: { links: () => [], link: () => "/sys/fs/bpf/none" },
      program() {
        throw new BpfError("load program", 12);
      },
    },
    policy: { add: () => {}, remove: (ifindex: number) => removed.push(ifindex) },
    odometers: { open: () => {}, retire: () => {} },
    redirects: { add: () => {}, remove: () => {} },
    ...{ hook: "tcx", modeLimit: "enforce", log: silentLog(), onGone: () => {} },
  };
  return { endpoints, removed, options: options as unknown as AttachmentsOptions };
}

describe("an interface that takes no program", () => {
  it("is tried again, and nothing of it stays meanwhile", () => {
    const { endpoints, removed, options } = refusing([]);
    const attachments = createAttachments(options);
    expect(attachments.reconcile([pod])).toEqual({ added: 0, gone: [] });
    expect([endpoints.size, removed]).toEqual([0, [7]]);
  });

  it("keeps what enforced there before", () => {
    const { endpoints, removed, options } = refusing([7]);
    const attachments = createAttachments(options);
    expect(attachments.reconcile([pod])).toEqual({ added: 0, gone: [] });
    expect([endpoints.has(7), removed]).toEqual([true, []]);
  });

  it("is named until it takes one or is gone", () => {
    const attachments = createAttachments(refusing([]).options);
    attachments.reconcile([pod]);
    expect(attachments.unwatched).toEqual([expect.stringMatching(/^veth7 \(shop\/cart\): .+/)]);
    attachments.reconcile([]);
    expect(attachments.unwatched).toEqual([]);
  });

  it("is not missed where nothing is enforced anyway", () => {
    const attachments = createAttachments(refusing([]).options);
    attachments.reconcile([{ ...pod, own: true }]);
    expect(attachments.unwatched).toEqual([]);
  });
});
