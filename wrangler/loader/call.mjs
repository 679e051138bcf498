// A call of loaded code as text, which the binding sends to the trial's process. Bytes are encoded as base64.

/** The header that marks a process's response as an error that the code has thrown, not the code's own response. */
export const THROWN = "X-Trial-Thrown";

const toBytes = (value) =>
  ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value);

/** Return the JSON of a value that may contain bytes. */
export const encode = (value) =>
  JSON.stringify(value, (_, field) =>
    ArrayBuffer.isView(field) || field instanceof ArrayBuffer ? { $bytes: toBytes(field).toBase64() } : field,
  );

/** Return the value of a text from `encode`. */
export const decode = (text) =>
  JSON.parse(text, (_, field) => (typeof field?.$bytes === "string" ? Uint8Array.fromBase64(field.$bytes) : field));
