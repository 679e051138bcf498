// What runs in a trial's own process: it loads the code with the real Worker Loader and passes calls on to it.
import { decode, THROWN } from "./call.mjs";

// Python comes from the offline bundle here (wrangler/workers.mjs), and the loader wants to be told that this is meant.
const LOCAL_PYTHON = ["python_workers_development", "experimental"];

export default {
  async fetch(request, { LOADER }) {
    if (request.method === "GET") return new Response("alive");
    const { code, name, options, url, init } = decode(await request.text());
    try {
      const worker = LOADER.get("trial", () => localized(code));
      const answer = await worker.getEntrypoint(name, options).fetch(url, init);
      const response = new Response(answer.body, answer);
      response.headers.delete(THROWN);
      return response;
    } catch (error) {
      const { name, message } = error;
      return Response.json({ name, message }, { headers: { [THROWN]: "true" } });
    }
  },
};

function localized(code) {
  if (!code.compatibilityFlags?.includes("python_workers")) return code;
  return { ...code, compatibilityFlags: [...code.compatibilityFlags, ...LOCAL_PYTHON], allowExperimental: true };
}
