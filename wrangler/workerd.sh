#!/bin/sh
# Start workerd with the options that Python Workers need where the network is closed, and that neither miniflare nor
# wrangler can be told to pass on. Both start this file if MINIFLARE_WORKERD_PATH names it.
#
#   WORKERD_BINARY         the workerd to run                          (default: the one in node_modules)
#   PYODIDE_BUNDLE_DIR     folder of pyodide_dev.capnp.bin             (default: built by pyodide_bundle.py)
#   PYODIDE_PACKAGE_DIR    cache of the packages that workerd fetches  (default: none)
#   PYTHON_SNAPSHOT_DIR    folder of snapshot.bin                      (default: no snapshot)
#   PYTHON_SNAPSHOT        "load" or "save"                            (default: load)
#
# POSIX sh, for Linux and macOS: every trial of generated code starts a workerd of its own (loader/processes.mjs), and
# Node or Python would add 50 ms to each.
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
    *) echo "workerd.sh: PYTHON_SNAPSHOT must be 'load' or 'save', not '$PYTHON_SNAPSHOT'" >&2; exit 2 ;;
  esac
fi

# Node stops workerd when it ends in order. On Linux, workerd also ends when Node is killed; macOS has no setpriv, and
# that of an old Linux has no such option.
if setpriv --pdeathsig KILL -- true >/dev/null 2>&1; then
  exec setpriv --pdeathsig KILL -- "$workerd" serve "$@"
fi
exec "$workerd" serve "$@"
