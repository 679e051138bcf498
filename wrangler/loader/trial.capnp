# The process of one trial: a workerd with only the host of that trial and the Worker Loader.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "host", worker = .host)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "host")],
  v8Flags = ["--max-heap-size=192"],
);

const host :Workerd.Worker = (
  modules = [
    (name = "host.mjs", esModule = embed "host.mjs"),
    (name = "call.mjs", esModule = embed "call.mjs"),
  ],
  compatibilityDate = "2026-10-01",
  compatibilityFlags = ["experimental"],
  bindings = [(name = "LOADER", workerLoader = ())],
);
