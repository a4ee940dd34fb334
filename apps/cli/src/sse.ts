import type { IncomingMessage } from "node:http";

export interface ServerEvent {
  /** `message` when the server gave none. */
  name: string;
  data: string;
}

/** Events of a text/event-stream as they come; comments are keep-alives and are left out. */
export async function* events(response: IncomingMessage): AsyncGenerator<ServerEvent> {
  response.setEncoding("utf8");
  let rest = "";
  for await (const chunk of response) {
    const blocks = (rest + (chunk as string)).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parseEvent(block);
      if (event) yield event;
    }
  }
}

function parseEvent(block: string): ServerEvent | undefined {
  let name = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice("event: ".length);
    else if (line.startsWith("data: ")) data.push(line.slice("data: ".length));
  }
  return data.length === 0 ? undefined : { name, data: data.join("\n") };
}
