import { describe, expect, it } from "@jest/globals";
import type { Workload } from "@weir/codec";
import { type ChangeRequest, readChanges } from "./change-request.ts";
import { Problem } from "./problem.ts";

const pod = (namespace: string, labels: Record<string, string>): Workload => ({
  kind: "pod",
  namespace,
  name: "cart-0",
  uid: "u",
  workload: "cart",
  workload_kind: "Deployment",
  node: "n",
  addresses: [],
  labels,
  namespace_labels: {},
  host_network: false,
  ports: [],
  since: 0,
  until: null,
});

const policy = (
  name: string,
  app: string,
  port: unknown = 80,
): string => `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { namespace: shop, name: ${name} }
spec:
  podSelector: { matchLabels: { app: ${app} } }
  ingress:
    - ports:
        - port: ${String(port)}
`;

const request = (text: string, more: Partial<ChangeRequest> = {}): ChangeRequest => ({
  files: [{ file: "p.yaml", text }],
  shadow: false,
  allowEmptySelection: false,
  author: "somebody",
  maxDocuments: 10,
  pods: [pod("shop", { app: "cart" })],
  ...more,
});

function problemsOf(of: ChangeRequest): string[] {
  try {
    readChanges(of);
  } catch (error) {
    if (error instanceof Problem) return [error.message, ...error.problems];
    throw error;
  }
  return [];
}

describe("readChanges", () => {
  it("takes all documents of a request", () => {
    const text = `${policy("one", "cart")}---\n${policy("two", "cart")}`;
    const { changes, warnings } = readChanges(request(text, { shadow: true }), 1000);
    expect(changes.map(({ namespace, name, shadow }) => [namespace, name, shadow])).toEqual([
      ["shop", "one", true],
      ["shop", "two", true],
    ]);
    expect(changes[0]?.changed).toBe(1_000_000);
    expect(changes[1]?.text).toContain("name: two");
    expect(warnings).toEqual([]);
  });

  it("names file and line of an impossible port, and changes nothing", () => {
    const text = `${policy("one", "cart")}---\n${policy("two", "cart", 70_000)}`;
    const [detail, ...lines] = problemsOf(request(text));
    expect(detail).toContain("nothing was changed");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^p\.yaml:17:\d+: error: .*70000/);
  });

  it("names the line where a text does not parse", () => {
    const [, line] = problemsOf(request("apiVersion: networking.k8s.io/v1\nkind: [\n"));
    expect(line).toMatch(/^p\.yaml:\d+:\d+: error:/);
  });

  it("refuses a policy that selects nothing, with the labels there are", () => {
    const [, line] = problemsOf(request(policy("one", "crat")));
    expect(line).toMatch(/^p\.yaml:5:\d+: error: .*app=crat selects nothing.*app=cart/);
    expect(
      readChanges(request(policy("one", "crat"), { allowEmptySelection: true })).changes,
    ).toHaveLength(1);
  });

  it("does not count the pods of another namespace", () => {
    const of = request(policy("one", "cart"), { pods: [pod("other", { app: "cart" })] });
    expect(problemsOf(of)[1]).toContain("there is no pod in namespace shop");
  });

  it("refuses a name that is there twice", () => {
    const text = `${policy("one", "cart")}---\n${policy("one", "cart")}`;
    expect(problemsOf(request(text))[1]).toContain("shop/one is there twice");
  });

  it("refuses a text without a policy, and too many", () => {
    expect(problemsOf(request(""))[0]).toContain("there is no NetworkPolicy");
    const foreign = policy("one", "cart").replace("NetworkPolicy", "CiliumNetworkPolicy");
    expect(problemsOf(request(foreign))[1]).toContain(
      "CiliumNetworkPolicy is not enforced by weir",
    );
    const text = `${policy("one", "cart")}---\n${policy("two", "cart")}`;
    expect(problemsOf(request(text, { maxDocuments: 1 }))[0]).toContain("the limit is 1");
  });

  it("says what it left out", () => {
    const text = `${policy("one", "cart")}---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\n`;
    expect(readChanges(request(text)).warnings).toEqual([
      "ConfigMap c is no NetworkPolicy and is left out",
    ]);
  });
});
