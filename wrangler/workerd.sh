#!/bin/sh
# What miniflare and wrangler start instead of workerd when MINIFLARE_WORKERD_PATH names this file: workerd itself, with
# the options that Python Workers need where the network is closed, and that neither of the two can be told to pass on.
#
#   WORKERD_BINARY         the workerd to run                        (default: the one in node_modules)
#   PYODIDE_BUNDLE_DIR     folder of pyodide_dev.capnp.bin           (default: built by pyodide_bundle.py)
#   PYODIDE_PACKAGE_DIR    cache of the packages that workerd fetches  (default: none)
#   PYTHON_SNAPSHOT_DIR    folder of snapshot.bin                    (default: no snapshot)
#   PYTHON_SNAPSHOT        "load" or "save"                          (default: load)
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
workerd=${WORKERD_BINARY:-$root/node_modules/workerd/bin/workerd}
[ "${1-}" = serve ] || exec "$workerd" "$@"
shift

bundle=${PYODIDE_BUNDLE_DIR:-$("$root/.venv/bin/python" "$root/wrangler/pyodide_bundle.py")}
set -- --pyodide-bundle-disk-cache-dir="$bundle" "$@"
if [ -n "${PYODIDE_PACKAGE_DIR-}" ]; then
  set -- --pyodide-package-disk-cache-dir="$PYODIDE_PACKAGE_DIR" "$@"
fi
if [ -n "${PYTHON_SNAPSHOT_DIR-}" ]; then
  case ${PYTHON_SNAPSHOT:-load} in
    load) set -- --python-snapshot-dir="$PYTHON_SNAPSHOT_DIR" --python-load-snapshot=snapshot.bin "$@" ;;
    save) set -- --python-snapshot-dir="$PYTHON_SNAPSHOT_DIR" --python-save-snapshot "$@" ;;
    *) echo "PYTHON_SNAPSHOT is 'load' or 'save', not '$PYTHON_SNAPSHOT'" >&2; exit 2 ;;
  esac
fi

# Node kills workerd when it ends in order. Where the kernel can do it (Linux), workerd also dies with a Node that was
# killed itself.
if command -v setpriv >/dev/null; then
  exec setpriv --pdeathsig KILL -- "$workerd" serve "$@"
fi
exec "$workerd" serve "$@"
