// Answers like the emulators, but at once: it has an emulator answer each request the first time, and repeats that
// response from then on. So a benchmark measures the gateway and not the emulator. node upstream.mjs '{"emulator": ...}'
//   emulator   origin of the emulators: http://127.0.0.1:8800
//   frame_ms   time between two frames of a stream whose request says `in steady time`
// It prints its URL and ends with its standard input.
import { createHash } from "node:crypto";
import { createServer } from "node:http";

const PACED = "in steady time";
const { emulator, frame_ms: frameMs } = JSON.parse(process.argv[2]);
const recordings = new Map();

async function record(request, body) {
  const headers = new Headers(request.headers);
  for (const name of ["host", "connection", "content-length", "accept-encoding"]) headers.delete(name);
  const hasBody = !["GET", "HEAD"].includes(request.method);
  const response = await fetch(emulator + request.url, {
    method: request.method,
    headers,
    body: hasBody ? body : undefined,
  });
  const text = await response.text();
  const type = response.headers.get("content-type");
  const isStream = type.startsWith("text/event-stream");
  const frames = isStream ? text.match(/.*?\n\n/gs) : [text];
  const repeated = { "content-type": type, ...(!isStream && { "content-length": Buffer.byteLength(text) }) };
  return { status: response.status, headers: repeated, frames, isPaced: body.includes(PACED) };
}

function repeat(recording, response) {
  response.writeHead(recording.status, recording.headers);
  if (!recording.isPaced) {
    for (const frame of recording.frames) response.write(frame);
    response.end();
    return;
  }
  const started = performance.now();
  let sent = 0;
  const next = () => {
    response.write(recording.frames[sent++]);
    if (sent === recording.frames.length) response.end();
    else setTimeout(next, started + sent * frameMs - performance.now());
  };
  next();
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const key = createHash("sha1").update(`${request.method} ${request.url}\n`).update(body).digest("hex");
  if (!recordings.has(key)) recordings.set(key, record(request, body));
  repeat(await recordings.get(key), response);
});
server.listen(0, "127.0.0.1", () =>
  console.log(JSON.stringify({ event: "ready", url: `http://127.0.0.1:${server.address().port}` })),
);
process.stdin.resume().on("end", () => process.exit());
