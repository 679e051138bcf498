// A call of loaded code as text, on its way from the binding to the trial's process. Bytes travel as base64.

/** The name of the header by which a process tells that an answer is not the code's own, but what it has thrown. */
export const THROWN = "X-Trial-Thrown";

const bytesOf = (value) =>
  ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value);

/** JSON of a value that may hold bytes. */
export const encode = (value) =>
  JSON.stringify(value, (_, member) =>
    ArrayBuffer.isView(member) || member instanceof ArrayBuffer ? { $bytes: bytesOf(member).toBase64() } : member,
  );

/** The value that `encode` has made this text of. */
export const decode = (text) =>
  JSON.parse(text, (_, member) => (typeof member?.$bytes === "string" ? Uint8Array.fromBase64(member.$bytes) : member));
