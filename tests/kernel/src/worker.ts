/**
 * Run inside a pod's namespace: `worker.ts PORT WAIT_MS`. The first process makes the listening
 * socket, a forked one accepts from it and echoes after a wait. Prints the worker's pid once it
 * listens; ends with stdin.
 */
import cluster from "node:cluster";
import { createServer } from "node:net";

const [port = "", waitMs = "0"] = process.argv.slice(2);

cluster.schedulingPolicy = cluster.SCHED_NONE;
if (cluster.isPrimary) {
  const worker = cluster.fork();
  worker.on("listening", () => process.stdout.write(`${worker.process.pid}\n`));
  process.stdin.resume().on("end", () => process.exit(0));
} else {
  process.on("disconnect", () => process.exit(0));
  createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => setTimeout(() => socket.write(bytes), Number(waitMs)));
  }).listen(Number(port), "::");
}
