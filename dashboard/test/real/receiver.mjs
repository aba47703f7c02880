/** A webhook's receiver that believes no message whose signature is not right. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

/** The oldest signature that is believed, in seconds. */
const OLDEST = 300;

function isOurs(secret, header, body) {
  const parts = Object.fromEntries((header ?? "").split(",").map((part) => part.split("=", 2)));
  if (!(Math.abs(Date.now() / 1000 - Number(parts.t)) < OLDEST)) return false;
  const expected = createHmac("sha256", secret).update(`${parts.t}.`).update(body).digest();
  const offered = Buffer.from(parts.v1 ?? "", "hex");
  return offered.length === expected.length && timingSafeEqual(expected, offered);
}

export async function receiver(secret) {
  const [messages, refused] = [[], []];
  const server = createServer((request, response) => {
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => {
      const body = Buffer.concat(pieces);
      const good = isOurs(secret, request.headers["fieldpost-signature"], body);
      (good ? messages : refused).push(JSON.parse(body.toString("utf8")));
      response.writeHead(good ? 204 : 403).end();
    });
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return { url: `http://127.0.0.1:${server.address().port}/alerts`, messages, refused, stop: () => new Promise((done) => server.close(done)) };
}
