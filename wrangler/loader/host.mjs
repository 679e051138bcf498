// The worker in a trial's own process: it loads the code with the real Worker Loader and forwards calls to it.
import { decode, THROWN } from "./call.mjs";

// Python comes from the offline bundle here (wrangler/workers.mjs), which the loader takes only with these flags.
const LOCAL_PYTHON = ["python_workers_development", "experimental"];

export default {
  async fetch(request, { LOADER }) {
    if (request.method === "GET") return new Response("alive");
    const { code, name, options, url, init } = decode(await request.text());
    try {
      const worker = LOADER.get("trial", () => withLocalPython(code));
      const original = await worker.getEntrypoint(name, options).fetch(url, init);
      const response = new Response(original.body, original);
      response.headers.delete(THROWN);
      return response;
    } catch (error) {
      const { name, message } = error;
      return Response.json({ name, message }, { headers: { [THROWN]: "true" } });
    }
  },
};

function withLocalPython(code) {
  if (!code.compatibilityFlags?.includes("python_workers")) return code;
  return { ...code, compatibilityFlags: [...code.compatibilityFlags, ...LOCAL_PYTHON], allowExperimental: true };
}
