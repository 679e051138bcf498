// The official `@anthropic-ai/sdk` for JavaScript: streams, stream helpers, the tool runner, parse, count_tokens.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";
import { addFault, calls, hasAborted, SPENT_KEY, slowDown, vendorOf } from "./gateway.mjs";

const MODEL = "claude-sonnet-4-6";
export const MODELS = [MODEL, "openai:gpt-4o-mini"];

const HELLO = { max_tokens: 500, messages: [{ role: "user", content: "Name three rivers" }] };
const WEATHER = { max_tokens: 500, messages: [{ role: "user", content: "How is the weather in Oslo?" }] };
const River = z.object({ name: z.string(), length_km: z.number() });

export async function checkTextAndUsage(model) {
  const message = await new Anthropic().messages.create({ model, ...HELLO });

  assert.match(message.content[0].text, /rivers/);
  assert.ok(message.usage.input_tokens > 0 && message._request_id);
}

export async function checkStream(model) {
  const events = await Array.fromAsync(await new Anthropic().messages.create({ model, ...HELLO, stream: true }));

  assert.deepEqual([events[0].type, events.at(-1).type], ["message_start", "message_stop"]);
  assert.ok(events[0].message.usage.input_tokens > 0);
}

export async function checkStreamHelper(model) {
  const stream = new Anthropic().messages.stream({ model, ...HELLO });
  let text = "";
  stream.on("text", (piece) => {
    text += piece;
  });

  assert.equal(await stream.finalText(), text);
  assert.match(text, /rivers/);
}

export async function checkToolRunner(model) {
  const getWeather = betaZodTool({
    name: "get_weather",
    description: "The weather in a city.",
    inputSchema: z.object({ city: z.string() }),
    run: ({ city }) => `Snow in ${city} at -3 degrees`,
  });
  const message = await new Anthropic().beta.messages.toolRunner({ model, ...WEATHER, tools: [getWeather] });

  assert.match(message.content[0].text, /at -3 degrees/);
}

export async function checkParse(model) {
  const message = await new Anthropic().messages.parse({
    model,
    ...HELLO,
    output_config: { format: zodOutputFormat(River) },
  });

  assert.equal(typeof message.parsed_output.length_km, "number");
}

export async function checkCountTokens(model) {
  const system = "Answer briefly. ".repeat(50);
  const counted = await new Anthropic().messages.countTokens({ model, system, messages: HELLO.messages });

  assert.ok(counted.input_tokens > 100);
}

export async function checkModels() {
  const client = new Anthropic();
  const names = [];
  for await (const model of client.models.list({ limit: 5 })) names.push(model.id);

  assert.ok(names.includes(MODEL));
  assert.equal((await client.models.retrieve(`anthropic:${MODEL}`)).id, `anthropic:${MODEL}`);
}

export async function checkErrors() {
  const ask = (model, options) => new Anthropic(options).messages.create({ model, ...HELLO });

  await assert.rejects(ask(MODEL, { apiKey: "de_test_wrong" }), Anthropic.AuthenticationError);
  await assert.rejects(ask("claude-0"), Anthropic.NotFoundError);
  await assert.rejects(ask("nobody:claude"), Anthropic.NotFoundError);
  await assert.rejects(ask(MODEL, { apiKey: SPENT_KEY }), Anthropic.RateLimitError);
}

export async function checkRetries(model) {
  // The gateway tries three times, and the client once more.
  await addFault(vendorOf(model), { kind: "status", status: model === MODEL ? 529 : 503, times: 3, retry_after: 0.01 });

  await new Anthropic().messages.create({ model, ...HELLO });

  assert.equal((await calls(vendorOf(model))).length, 4);
}

export async function checkTimeout(model) {
  await addFault(vendorOf(model), { kind: "slow_first_byte", seconds: 60 });
  const client = new Anthropic({ timeout: 1000, maxRetries: 0 });

  await assert.rejects(client.messages.create({ model, ...HELLO }), Anthropic.APIConnectionTimeoutError);
}

export async function checkLeavingAStream(model) {
  await slowDown(vendorOf(model), 50);
  const stream = await new Anthropic().messages.create({ model, ...HELLO, stream: true });
  for await (const _ of stream) break;

  assert.ok(await hasAborted(vendorOf(model)));
}

export async function checkInterruptedStream(model) {
  await addFault(vendorOf(model), { kind: "cut", after: 6 });
  const stream = await new Anthropic().messages.create({ model, ...HELLO, stream: true });

  await assert.rejects(Array.fromAsync(stream), /interrupted/);
}
