// Lets workers call providers as they do when they are deployed: directly. For each worker, miniflare puts another one
// between it and the internet, which imitates two features of Cloudflare that no worker here uses (image transforms, and
// the headers of requests that are proxied to an origin), and takes an eighth of the CPU of a call to a provider.
import { CORE_PLUGIN } from "miniflare";

const INTERNET = "internet"; // workerd's own service
const isInterceptor = (name) => name.startsWith("outbound:");

const { getServices } = CORE_PLUGIN;

/** Leave out the interceptors in every Miniflare of this process. */
export function callProvidersDirectly() {
  CORE_PLUGIN.getServices = async (options) => {
    const { services, ...others } = await getServices.call(CORE_PLUGIN, options);
    for (const { worker } of services) {
      if (isInterceptor(worker?.globalOutbound?.name ?? "")) worker.globalOutbound = { name: INTERNET };
    }
    return { services: services.filter(({ name }) => !isInterceptor(name)), ...others };
  };
}
