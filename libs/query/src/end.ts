import { QuestionError } from "./question-error.ts";

/** One end of a flow: a pod or workload of a namespace, or whoever goes by `name`. */
export type EndFilter =
  | {
      namespace: string;
      /** Name of a pod, or of a workload: all of its pods. */
      pod: string;
    }
  | {
      /** An address, the name of a workload in whatever namespace, or a DNS, node or host name. */
      name: string;
    };

/** `shop/cart-0`, `shop/cart` (a workload), `10.0.0.1`, `db.example.org`. Throws QuestionError. */
export function parseEnd(text: string): EndFilter {
  const [first = "", pod, ...rest] = text.split("/");
  if (pod === undefined && first !== "") return { name: first };
  if (rest.length > 0 || first === "" || pod === undefined || pod === "")
    throw new QuestionError(
      `${JSON.stringify(text)} names no end of a flow: write NAMESPACE/POD, NAMESPACE/WORKLOAD, an address or a name`,
    );
  return { namespace: first, pod };
}
