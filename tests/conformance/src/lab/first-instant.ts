import { spawn } from "node:child_process";
import { once } from "node:events";

/*
 * Waits for a network namespace and sends from within it, before anything of the pod is there: a
 * datagram and a SYN, again and again. What cannot be sent yet is counted as refused. bash and not
 * Node, which begins too late: it is in the namespace some milliseconds after that was made.
 */
const program = `
path=$1 address=$2 port=$3 rounds=$4
for ((wait = 0; wait < 10000; wait++)); do
  nsenter --net="$path" true 2> /dev/null && break
  read -rt 0.001 <> <(:) || :
done
exec nsenter --net="$path" bash -c '
  sent=0 refused=0
  for ((round = 0; round < $3; round++)); do
    if (echo first > "/dev/udp/$1/$2") 2> /dev/null; then sent=$((sent + 1)); else refused=$((refused + 1)); fi
    (exec 4<> "/dev/tcp/$1/$2") 2> /dev/null & last=$!
    read -rt 0.002 <> <(:) || :
    kill "$last" 2> /dev/null
  done
  wait
  echo "$sent $refused"' sender "$address" "$port" "$rounds"`;

export interface Sent {
  /** Datagrams that left the pod's own stack. */
  sent: number;
  /** Those that found no interface yet: proof that it sent from the first instant. */
  refused: number;
}

/** Starts to send as soon as the pod's namespace exists; `ended` resolves after `rounds` tries. */
export function sendFromFirstInstant(
  lab: string,
  pod: string,
  to: { address: string; port: number; rounds: number },
): { ended: Promise<Sent> } {
  const netns = `/run/netns/weir-${lab}.${pod.replace("/", ".")}`;
  const args = [netns, to.address, String(to.port), String(to.rounds)];
  const child = spawn("bash", ["-c", program, "first", ...args], {
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 30_000,
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const ended = once(child, "close").then(() => {
    const [sent = NaN, refused = NaN] = output.trim().split(" ").map(Number);
    return { sent, refused };
  });
  return { ended };
}
