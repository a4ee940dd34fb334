import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { firewallRules } from "./policy-world.ts";

const run = promisify(execFile);

/** Something that may stand in the packets' way. */
export interface Candidate {
  /** Behind the measure's name: `10000`, `10000-iptables`. */
  suffix: string;
  on(): Promise<void> | void;
  off(): Promise<void> | void;
}

interface Program {
  name: string;
  /** Text for its loader. */
  rules(client: string, count: number): [command: string[], input: string][];
  off: string[][];
}

const header =
  "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n";
const restore = "iptables-legacy-restore";
const noTables = [
  ["iptables-legacy", "-P", "FORWARD", "ACCEPT"],
  ["iptables-legacy", "-F", "FORWARD"],
];
const nftHead =
  "add table ip bench\nadd chain ip bench f { type filter hook forward priority 0; policy drop; }\n" +
  "add rule ip bench f ct state established,related accept\n";
const noNft = [["nft", "delete", "table", "ip", "bench"]];

const programs: Program[] = [
  {
    name: "iptables",
    rules: (client, count) => [
      [
        [restore],
        `${header}${firewallRules(count)
          .map(({ address, port }) => `-A FORWARD -s ${address} -p tcp --dport ${port} -j ACCEPT\n`)
          .join("")}-A FORWARD -s ${client} -j ACCEPT\nCOMMIT\n`,
      ],
    ],
    off: noTables,
  },
  {
    name: "ipset",
    rules: (client, count) => [
      [
        ["ipset", "restore"],
        `create bench hash:ip,port maxelem ${count + 16}\n${firewallRules(count)
          .map(({ address, port }) => `add bench ${address},tcp:${port}\n`)
          .join("")}create peers hash:ip\nadd peers ${client}\n`,
      ],
      [
        [restore],
        `${header}-A FORWARD -m set --match-set bench src,dst -j ACCEPT\n-A FORWARD -m set --match-set peers src -j ACCEPT\nCOMMIT\n`,
      ],
    ],
    off: [...noTables, ["ipset", "destroy", "bench"], ["ipset", "destroy", "peers"]],
  },
  {
    name: "nft-linear",
    rules: (client, count) => [
      [
        ["nft", "-f", "-"],
        `${nftHead}${firewallRules(count)
          .map(
            ({ address, port }) =>
              `add rule ip bench f ip saddr ${address} tcp dport ${port} accept\n`,
          )
          .join("")}add rule ip bench f ip saddr ${client} accept\n`,
      ],
    ],
    off: noNft,
  },
  {
    name: "nft-sets",
    rules: (client, count) => [
      [
        ["nft", "-f", "-"],
        `add table ip bench\nadd set ip bench peers { type ipv4_addr . inet_service; }\nadd element ip bench peers { ${firewallRules(
          count,
        )
          .map(({ address, port }) => `${address} . ${port}`)
          .join(
            ", ",
          )} }\n${nftHead}add rule ip bench f ip saddr . tcp dport @peers accept\nadd rule ip bench f ip saddr ${client} accept\n`,
      ],
    ],
    off: noNft,
  },
];

/**
 * Other firewalls in the node's namespace, with as many rules before the one that matches: those
 * that are installed and that this kernel takes; the others are named to `missing`.
 */
export async function rivalsWith(
  count: number,
  client: string,
  netns: string,
  missing: (text: string) => void,
): Promise<Candidate[]> {
  const rivals: Candidate[] = [];
  for (const program of programs) {
    const rival = rivalOf(program, count, client, netns);
    try {
      await rival.on();
      await rival.off();
      rivals.push(rival);
    } catch (error) {
      await off(program, netns, true);
      missing(`${rival.suffix} is left out: ${(error as Error).message.split("\n")[0]}`);
    }
  }
  return rivals;
}

function rivalOf(program: Program, count: number, client: string, netns: string): Candidate {
  const inNode = [`--net=${netns}`];
  const steps = program.rules(client, count);
  return {
    suffix: `${count}-${program.name}`,
    on() {
      for (const [command, input] of steps)
        execFileSync("nsenter", [...inNode, ...command], {
          input,
          stdio: ["pipe", "ignore", "pipe"],
        });
      return Promise.resolve();
    },
    off: () => off(program, netns, false),
  };
}

async function off(program: Program, netns: string, isTry: boolean): Promise<void> {
  for (const command of program.off) {
    try {
      await run("nsenter", [`--net=${netns}`, ...command]);
    } catch (error) {
      if (!isTry) throw error;
    }
  }
}
