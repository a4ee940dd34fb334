import type { WantedInterface } from "./interfaces.ts";
import type { OdometerMaps } from "./odometer-maps.ts";
import { createOdometers } from "./odometers.ts";

const pod: WantedInterface = {
  ...{ ifindex: 7, name: "veth7", netns: undefined, namespace: "shop", pod: "cart", uid: "1" },
  ...{ own: false, layer3: false, direct: false, addresses: [] },
};

/** One interface that ten packets left; what was asked for is in `asked`. */
function recording() {
  const asked: string[] = [];
  const maps: OdometerMaps = {
    open: (ifindex) => asked.push(`open ${ifindex}`),
    read: (_ifindex, sums) => {
      sums.fill(0n);
      sums[0] = 10n;
      return true;
    },
    remove: (ifindex) => asked.push(`remove ${ifindex}`),
    removeBudget: (ifindex) => asked.push(`remove budget ${ifindex}`),
  };
  return { asked, odometers: createOdometers(maps) };
}

describe("the odometer of an interface that is gone", () => {
  it("is in three reports more, as it was last", () => {
    const { asked, odometers } = recording();
    odometers.retire(pod, false);
    expect(asked).toEqual(["remove 7", "remove budget 7"]);
    for (let report = 0; report < 3; report++) {
      expect(odometers.read([])).toMatchObject([{ ifindex: 7, pod: "cart", from_packets: 10 }]);
      odometers.reported();
    }
    expect(odometers.read([])).toEqual([]);
  });

  it("leaves the budget to the interface that has its number at once", () => {
    const { asked, odometers } = recording();
    odometers.retire(pod, true);
    expect(asked).toEqual(["remove 7"]);
  });
});
