/** The real program, in processes of its own, each with a folder that goes with it. */
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const BIN = process.env.FIELDPOST_BIN ?? fileURLToPath(new URL("../../../target/debug/fieldpost", import.meta.url));
/** Longer than anything here takes, in milliseconds. */
const PATIENCE = 30_000;

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Asks `what` until its answer is something. */
export async function until(what, say) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const found = await what();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${typeof say === "function" ? say() : say}`);
    await pause(30);
  }
}

/** A folder for one run, and the programs in it. `stop` ends both. */
export function workshop() {
  if (!existsSync(BIN)) throw new Error(`${BIN} is not there: cargo build -p fieldpost, or name another in FIELDPOST_BIN`);
  const folder = mkdtempSync(join(tmpdir(), "fieldpost-real-"));
  const running = [];
  const environment = { PATH: process.env.PATH, HOME: folder, TZ: "UTC" };

  /** Starts `fieldpost` with `args`; what it says to people and to logs is kept. */
  function start(name, args, env = {}) {
    const [out, log] = [join(folder, `${name}.out`), join(folder, `${name}.log`)];
    const files = [openSync(out, "a"), openSync(log, "a")];
    const child = spawn(BIN, args, { env: { ...environment, ...env }, stdio: ["ignore", ...files] });
    files.forEach(closeSync);
    const ended = new Promise((done) => child.once("exit", (code, signal) => done(code ?? signal)));
    const program = { name, child, ended, said: () => readFileSync(out, "utf8"), log: () => readFileSync(log, "utf8") };
    running.push(program);
    return program;
  }

  /** Waits until a program's log has what `pattern` looks for; returns the match. */
  const hears = (program, pattern, text) =>
    until(
      () => {
        const found = pattern.exec(text());
        if (found === null && program.child.exitCode !== null) throw new Error(`${program.name} ended: ${program.log()}`);
        return found;
      },
      () => `${pattern} of ${program.name}, which says\n${text()}`,
    );
  const says = (program, pattern) => hears(program, pattern, program.log);
  /** The same with what it prints for people. */
  const prints = (program, pattern) => hears(program, pattern, program.said);

  /** Runs a command to its end; what it printed. */
  async function run(args, env = {}) {
    const program = start(`${args[0]}-${running.length}`, args, env);
    const code = await program.ended;
    if (code !== 0) throw new Error(`fieldpost ${args.join(" ")} ended with ${code}: ${program.log()}`);
    return program.said();
  }

  /** A cloud on a free port of loopback. */
  async function cloud(name = "cloud") {
    const program = start(name, ["cloud", "--data", join(folder, `${name}-data`), "--http", "127.0.0.1:0"]);
    const [, url] = await says(program, /listening on (http:\/\/\S+)/);
    const [, link] = await says(program, /^\s*(http:\/\/\S+\/setup#code=\S+)/m);
    return { ...program, url, link, store: join(folder, `${name}-data`, "store.db") };
  }

  /** A gateway in front of `target`, with `token`, on a free port. */
  async function gateway(name, target, token) {
    const [port, file] = [await freePort(), join(folder, `${name}.token`)];
    writeFileSync(file, token, { mode: 0o600 });
    const at = `udp://127.0.0.1:${port}`;
    const program = start(name, ["gateway", "--data", join(folder, `${name}-data`), "--listen", at, "--cloud", target, "--token-file", file, "--time-zone", "UTC", "--name", name]);
    await says(program, /listening on udp/);
    return { ...program, at };
  }

  /** Ends all, and takes the folder away. */
  async function stop() {
    for (const { child } of running) child.kill("SIGKILL");
    await Promise.all(running.map(({ ended }) => ended));
    rmSync(folder, { recursive: true, force: true });
  }

  const logs = () => running.map(({ name, log }) => `--- ${name}\n${log().split("\n").slice(-12).join("\n")}`).join("\n");
  return { folder, start, says, prints, run, cloud, gateway, stop, logs };
}

/** A port that nobody has at the moment. */
function freePort() {
  return new Promise((done) => {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1", () => {
      const { port } = socket.address();
      socket.close(() => done(port));
    });
  });
}
