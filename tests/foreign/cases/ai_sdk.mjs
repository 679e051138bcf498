// Vercel's AI SDK: `ai` with `@ai-sdk/openai` (chat completions and Responses) and `@ai-sdk/anthropic`.
import assert from "node:assert/strict";
import { anthropic, createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI, openai } from "@ai-sdk/openai";
import { APICallError, embedMany, generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { addFault, calls, hasAborted, SPENT_KEY, slowDown, vendorOf } from "./gateway.mjs";

export const MODELS = [
  "chat gpt-4o-mini",
  "chat anthropic:claude-sonnet-4-6",
  "responses gpt-4o-mini",
  "responses anthropic:claude-sonnet-4-6",
  "messages claude-sonnet-4-6",
  "messages openai:gpt-4o-mini",
];
const KINDS = { chat: openai.chat, responses: openai, messages: anthropic };
const River = z.object({ name: z.string(), length_km: z.number() });
const PROMPT = "Name three rivers";
const tools = {
  get_weather: tool({
    description: "The weather in a city.",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `Snow in ${city} at -3 degrees`,
  }),
};

/** Return the options that name a model: the first word of `model` is what it is asked by. */
function use(model) {
  const [kind, name] = model.split(" ");
  return { model: KINDS[kind](name), maxOutputTokens: 2000 };
}

export async function checkTextAndUsage(model) {
  const { text, usage, finishReason } = await generateText({ ...use(model), prompt: PROMPT });

  assert.match(text, /rivers/);
  assert.equal(finishReason, "stop");
  assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
}

export async function checkStream(model) {
  const result = streamText({ ...use(model), prompt: PROMPT });
  const pieces = await Array.fromAsync(result.textStream);

  assert.ok(pieces.length > 1);
  assert.match(pieces.join(""), /rivers/);
  assert.ok((await result.usage).outputTokens > 0);
}

export async function checkToolLoop(model) {
  const prompt = "How is the weather in Oslo?";
  const { text, steps } = await generateText({ ...use(model), prompt, tools, stopWhen: stepCountIs(3) });

  assert.match(text, /at -3 degrees/);
  assert.equal(steps.length, 2);
}

export async function checkStreamedToolLoop(model) {
  const prompt = "How is the weather in Oslo?";
  const result = streamText({ ...use(model), prompt, tools, stopWhen: stepCountIs(3) });

  assert.match(await result.text, /at -3 degrees/);
}

export async function checkStructuredOutput(model) {
  const { output } = await generateText({
    ...use(model),
    prompt: "Name a river",
    output: Output.object({ schema: River }),
  });

  assert.equal(typeof output.length_km, "number");
}

export async function checkEmbeddings() {
  const model = openai.embeddingModel("text-embedding-3-small");
  const { embeddings } = await embedMany({ model, values: ["a river", "a lake"] });

  assert.equal(embeddings.length, 2);
}

export async function checkErrors() {
  const wrong = { apiKey: "de_test_wrong" };
  for (const [model, status] of [
    [createOpenAI(wrong)("gpt-4o-mini"), 401],
    [createOpenAI(wrong).chat("gpt-4o-mini"), 401],
    [createAnthropic(wrong)("claude-sonnet-4-6"), 401],
    [openai.chat("gpt-0"), 404],
    [anthropic("claude-0"), 404],
    [createOpenAI({ apiKey: SPENT_KEY }).chat("gpt-4o-mini"), 429],
    [createAnthropic({ apiKey: SPENT_KEY })("claude-sonnet-4-6"), 429],
  ])
    await assert.rejects(
      generateText({ model, prompt: PROMPT, maxRetries: 0 }),
      (error) => APICallError.isInstance(error) && error.statusCode === status,
    );
}

export async function checkRetries(model) {
  // The gateway tries three times, and the client once more.
  const status = vendorOf(model) === "openai" ? 503 : 529;
  await addFault(vendorOf(model), { kind: "status", status, times: 3, retry_after: 0.01 });

  await generateText({ ...use(model), prompt: PROMPT });

  assert.equal((await calls(vendorOf(model))).length, 4);
}

export async function checkLeavingAStream(model) {
  await slowDown(vendorOf(model), 50);
  const leaving = new AbortController();
  const result = streamText({ ...use(model), prompt: PROMPT, abortSignal: leaving.signal });
  for await (const _ of result.textStream) leaving.abort();

  assert.ok(await hasAborted(vendorOf(model)));
}

export async function checkInterruptedStream(model) {
  await addFault(vendorOf(model), { kind: "cut", after: 8 });
  const parts = await Array.fromAsync(
    streamText({ ...use(model), prompt: PROMPT, maxRetries: 0, onError: () => {} }).fullStream,
  );

  assert.ok(parts.some((part) => part.type === "error"));
}
