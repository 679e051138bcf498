# The part of workerd's schema that its Pyodide bundle uses (src/workerd/jsg/modules.capnp in cloudflare/workerd). The
# wire format fixes the field numbers and the order of the enumerants, but not the names.
@0xb1c9e0d2f5a47386;

struct Bundle {
  modules @0 :List(Module);
}

struct Module {
  name @0 :Text;
  union {
    src @1 :Data;   # JavaScript source text
    wasm @4 :Data;
    data @5 :Data;
    json @6 :Text;
  }
  type @2 :Type;
  tsDeclaration @3 :Text;
  compileCache @7 :Data;
}

enum Type {
  bundle @0;
  builtin @1;
  internal @2;
}
