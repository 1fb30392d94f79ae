/** The way of bytes through the proxy. */
export type Direction = 'to-server' | 'to-client'

/** What a `FaultProxy` does to connections. */
export type Fault =
  /** Hands everything on. */
  | { readonly kind: 'pass' }
  /** Swallows what both sides send, their ends included. A new connection is accepted and reaches no server. */
  | { readonly kind: 'black-hole' }
  /** Hands on what the client sends, and swallows the answers. */
  | { readonly kind: 'half-open' }
  /** Hands everything on `ms` milliseconds later, in order. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Hands on this many bytes of one direction, counted from now or from the connection's start, and then cuts the connection. */
  | { readonly kind: 'cut-after'; readonly direction: Direction; readonly bytes: number }
  /** Cuts the connection when the client has sent this text or these bytes. */
  | { readonly kind: 'cut-on'; readonly pattern: string | Uint8Array; readonly moment: CutMoment }

/**
 * When `cut-on` cuts: before the chunk that completes the pattern is handed on, so that the server never sees it; when it
 * was handed on; or when the server began to answer it, so that it surely took effect and the client never learns of it.
 */
export type CutMoment = 'before' | 'delivered' | 'answered'

/** @throws RangeError if a number of the fault is out of range. */
export function checkFault(fault: Fault): void {
  if (fault.kind === 'delay' && !(fault.ms >= 0 && fault.ms <= 600_000)) {
    throw new RangeError(`A delay of ${fault.ms} ms is not possible. Allowed: 0 to 600000.`)
  }
  if (fault.kind === 'cut-after' && !(Number.isInteger(fault.bytes) && fault.bytes >= 0)) {
    throw new RangeError(`A cut after ${fault.bytes} bytes is not possible. Allowed: integers from 0.`)
  }
}
