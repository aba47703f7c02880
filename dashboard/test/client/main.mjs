/**
 * A client made from the cloud's description of its API works: `npm run client` (after `cargo build`).
 *
 * Starts a real cloud (FIELDPOST_BINARY, else target/debug/fieldpost) on a free port, makes the types from what it says of itself, has
 * the compiler check a program that knows nothing else, and runs that. Then the page at /docs is read and tried in a browser.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";
import { EXECUTABLE } from "../e2e/browser.mjs";
import { tryPage } from "./page.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const made = join(here, "made");
const binary = process.env.FIELDPOST_BINARY ?? join(here, "../../../target/debug/fieldpost");
const PATIENCE_MS = 60_000;

/** A cloud without accounts, and the link that it tells. */
function start(data) {
  const cloud = spawn(binary, ["cloud", "--data", data, "--http", "127.0.0.1:0"], { stdio: ["ignore", "ignore", "pipe"] });
  const link = new Promise((resolve, reject) => {
    let said = "";
    const late = setTimeout(() => reject(new Error(`no link was told: ${said}`)), PATIENCE_MS);
    cloud.on("error", (error) => reject(new Error(`${binary} cannot be started: ${error.message}; cargo build makes it`)));
    cloud.on("exit", (code) => reject(new Error(`the cloud ended with ${code}: ${said}`)));
    cloud.stderr.on("data", (bytes) => {
      said += bytes;
      const found = /(http:\/\/[^/\s]+)\/setup#code=(\S+)/.exec(said);
      if (!found) return;
      clearTimeout(late);
      resolve({ url: found[1], code: found[2] });
    });
  });
  const stop = () =>
    new Promise((resolve) => {
      if (cloud.exitCode !== null || cloud.pid === undefined) return resolve();
      cloud.on("exit", resolve);
      cloud.kill("SIGTERM");
    });
  return { link, stop };
}

/** Types from the description, and the program beside them. */
async function make(url) {
  rmSync(made, { recursive: true, force: true });
  mkdirSync(made);
  const said = await fetch(`${url}/api/v1/openapi.json`);
  const types = astToString(await openapiTS(await said.text()));
  writeFileSync(join(made, "schema.ts"), types);
  const compiler = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
  const checked = spawnSync(process.execPath, [compiler, "--noEmit", "-p", here], { encoding: "utf8" });
  if (checked.status !== 0) throw new Error(`the program does not fit the types:\n${checked.stdout}${checked.stderr}`);
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true };
  const program = ts.transpileModule(readFileSync(join(here, "client.ts"), "utf8"), { compilerOptions: options });
  writeFileSync(join(made, "client.mjs"), program.outputText);
  return types.split("\n").length;
}

const data = mkdtempSync(join(tmpdir(), "fieldpost-client-"));
const cloud = start(data);
try {
  const { url, code } = await cloud.link;
  console.log(`ok    made ${await make(url)} lines of types from ${url}/api/v1/openapi.json; the program fits them`);
  const { run } = await import("./made/client.mjs");
  for (const line of await run(url, code)) console.log(`ok    ${line}`);
  const built = (await (await fetch(`${url}/docs`)).text()).includes('id="docs"');
  if (built && existsSync(EXECUTABLE)) {
    for (const line of await tryPage(url)) console.log(`ok    ${line}`);
  } else {
    console.log(`skipped: the page of the API, since ${built ? EXECUTABLE : "it"} is not there`);
  }
} finally {
  await cloud.stop();
  rmSync(data, { recursive: true, force: true });
}
