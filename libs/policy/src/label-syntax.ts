/** What the API server accepts as names, label keys and values. Each returns why not, or undefined. */

const labelPart = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const labelCharacters =
  "at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit";

/** A namespace's name. */
export function refuseDnsLabel(text: string): string | undefined {
  if (text.length <= 63 && dnsLabel.test(text)) return undefined;
  return "use at most 63 lower case letters, digits or '-', beginning and ending with a letter or digit";
}

/** The name of most objects. */
export function refuseDnsSubdomain(text: string): string | undefined {
  if (text.length <= 253 && dnsSubdomain.test(text)) return undefined;
  return "use at most 253 lower case letters, digits, '-' or '.', beginning and ending with a letter or digit";
}

export function refuseLabelValue(text: string): string | undefined {
  if (text === "" || (text.length <= 63 && labelPart.test(text))) return undefined;
  return `use ${labelCharacters}`;
}

/** `name` or `prefix/name`, the keys of labels and annotations. */
export function refuseLabelKey(text: string): string | undefined {
  const slash = text.indexOf("/");
  const name = slash < 0 ? text : text.slice(slash + 1);
  if (name.length > 63 || !labelPart.test(name)) {
    return `use ${labelCharacters}, with a DNS name and '/' before it if you like`;
  }
  if (slash < 0) return undefined;
  const prefix = text.slice(0, slash);
  if (prefix.length <= 253 && dnsSubdomain.test(prefix)) return undefined;
  return "what stands before '/' must be a DNS name in lower case";
}

/** A container port's name, as a policy's `port` may give it. */
export function refusePortName(text: string): string | undefined {
  if (/^\d+$/.test(text)) return "write a port number without quotes";
  const fits = text.length <= 15 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text);
  if (fits && /[a-z]/.test(text) && !text.includes("--")) return undefined;
  return "a port name has at most 15 lower case letters, digits or single '-', one letter among them";
}
