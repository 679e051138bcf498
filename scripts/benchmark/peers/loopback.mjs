// Has every server of the process listen on 127.0.0.1: Portkey's gateway has no option for the address.
import { Server } from "node:net";

const { listen } = Server.prototype;
Server.prototype.listen = function (port, ...rest) {
  return listen.call(
    this,
    port,
    ...(typeof rest[0] === "string" ? rest.slice(1).toSpliced(0, 0, "127.0.0.1") : ["127.0.0.1", ...rest]),
  );
};
