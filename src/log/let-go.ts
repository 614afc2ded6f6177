/**
 * Gives memory back at once. Buffers of many kilobytes lie outside of the heap, and the collector, which sees only the
 * small objects that stand for them, comes late: at a hundred megabytes a second that is a hundred megabytes of garbage.
 * Afterwards every view of the buffer is empty, so only the owner of bytes may do this, when nobody reads them any more.
 */
export function letGo(bytes: Uint8Array): void {
  // A part of a buffer says nothing of the rest, which may be in use.
  if (bytes.length === bytes.buffer.byteLength) release(bytes)
}

/** The same for bytes that may be a part of a buffer, of which nobody has any other part. */
export function letGoAll(bytes: Uint8Array): void {
  // Node cuts small buffers out of one that has just this size.
  if (bytes.buffer.byteLength > Buffer.poolSize) release(bytes)
}

function release({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > 0) buffer.transfer(0)
}
