// The official `openai` package for JavaScript: streams, stream helpers, runTools, parse, Responses, embeddings.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { addFault, calls, hasAborted, SPENT_KEY, slowDown, vendorOf } from "./gateway.mjs";

const MODEL = "gpt-4o-mini";
export const MODELS = [MODEL, "anthropic:claude-sonnet-4-6"];

const HELLO = [{ role: "user", content: "Name three rivers" }];
const WEATHER = [{ role: "user", content: "How is the weather in Oslo?" }];
const PARAMETERS = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const River = z.object({ name: z.string(), length_km: z.number() });

export async function checkTextAndUsage(model) {
  const completion = await new OpenAI().chat.completions.create({ model, messages: HELLO });

  assert.match(completion.choices[0].message.content, /rivers/);
  assert.ok(completion.usage.total_tokens > 0 && completion._request_id);
}

export async function checkStream(model) {
  const options = { stream: true, stream_options: { include_usage: true } };
  const chunks = await Array.fromAsync(
    await new OpenAI().chat.completions.create({ model, messages: HELLO, ...options }),
  );

  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.ok(chunks.at(-1).usage.completion_tokens > 0);
}

export async function checkStreamHelper(model) {
  const stream = new OpenAI().chat.completions.stream({ model, messages: HELLO });
  let text = "";
  stream.on("content", (piece) => {
    text += piece;
  });

  assert.equal(await stream.finalContent(), text);
  assert.match(text, /rivers/);
}

export async function checkToolRunner(model) {
  const getWeather = ({ city }) => `Snow in ${city} at -3 degrees`;
  const runner = new OpenAI().chat.completions.runTools({
    model,
    messages: WEATHER,
    tools: [
      {
        type: "function",
        function: { name: "get_weather", parse: JSON.parse, function: getWeather, parameters: PARAMETERS },
      },
    ],
  });

  assert.match(await runner.finalContent(), /at -3 degrees/);
  assert.equal((await calls(vendorOf(model))).length, 2);
}

export async function checkStreamedToolRunner(model) {
  const getWeather = ({ city }) => `Snow in ${city} at -3 degrees`;
  const runner = new OpenAI().chat.completions.runTools({
    model,
    stream: true,
    messages: WEATHER,
    tools: [
      {
        type: "function",
        function: { name: "get_weather", parse: JSON.parse, function: getWeather, parameters: PARAMETERS },
      },
    ],
  });

  assert.match(await runner.finalContent(), /at -3 degrees/);
}

export async function checkParse(model) {
  const completion = await new OpenAI().chat.completions.parse({
    model,
    messages: HELLO,
    response_format: zodResponseFormat(River, "river"),
  });

  assert.equal(typeof completion.choices[0].message.parsed.length_km, "number");
}

export async function checkResponses(model) {
  const client = new OpenAI();
  const response = await client.responses.create({ model, input: "Name three rivers" });
  let text = "";
  for await (const event of await client.responses.create({ model, input: "Name three rivers", stream: true }))
    if (event.type === "response.output_text.delta") text += event.delta;

  assert.equal(text, response.output_text);
}

export async function checkEmbeddings() {
  const answer = await new OpenAI().embeddings.create({
    model: "text-embedding-3-small",
    input: ["a river", "a lake"],
  });

  assert.deepEqual(
    answer.data.map((item) => item.embedding.length),
    [1536, 1536],
  );
}

export async function checkModels() {
  const client = new OpenAI();
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);

  assert.ok(names.includes(MODEL));
  assert.equal((await client.models.retrieve(`openai:${MODEL}`)).id, `openai:${MODEL}`);
}

export async function checkErrors() {
  const ask = (model, options) => new OpenAI(options).chat.completions.create({ model, messages: HELLO });

  await assert.rejects(ask(MODEL, { apiKey: "de_test_wrong" }), { status: 401, code: "invalid_api_key" });
  await assert.rejects(ask("gpt-0"), { status: 404, code: "model_not_found" });
  await assert.rejects(ask("nobody:gpt-4o"), { status: 404, code: "model_not_found" });
  await assert.rejects(ask(MODEL, { apiKey: SPENT_KEY }), { status: 429, code: "rate_limit_exceeded" });
}

export async function checkRetries(model) {
  // The gateway tries three times, and the client once more.
  await addFault(vendorOf(model), { kind: "status", status: model === MODEL ? 503 : 529, times: 3, retry_after: 0.01 });

  await new OpenAI().chat.completions.create({ model, messages: HELLO });

  assert.equal((await calls(vendorOf(model))).length, 4);
}

export async function checkTimeout(model) {
  await addFault(vendorOf(model), { kind: "slow_first_byte", seconds: 60 });
  const client = new OpenAI({ timeout: 1000, maxRetries: 0 });

  await assert.rejects(client.chat.completions.create({ model, messages: HELLO }), OpenAI.APIConnectionTimeoutError);
}

export async function checkLeavingAStream(model) {
  await slowDown(vendorOf(model), 50);
  const stream = await new OpenAI().chat.completions.create({ model, messages: HELLO, stream: true });
  for await (const _ of stream) break;

  assert.ok(await hasAborted(vendorOf(model)));
}

export async function checkInterruptedStream(model) {
  await addFault(vendorOf(model), { kind: "cut", after: 6 });
  const stream = await new OpenAI().chat.completions.create({ model, messages: HELLO, stream: true });

  await assert.rejects(Array.fromAsync(stream), /interrupted/);
}
