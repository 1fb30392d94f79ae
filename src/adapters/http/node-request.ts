import { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Arriving } from './carrier.ts'
import { holdHead } from './held-head.ts'
import type { RequestSessions } from './request-sessions.ts'

/** Runs `fn` in the session of a request whose response is Node's own. */
export function runNode<T>(
  requests: RequestSessions,
  request: IncomingMessage,
  response: ServerResponse,
  fn: () => T,
): T {
  return requests.run(arrivingFrom(request), (answer) => {
    keepContext(request)
    holdHead(response, answer)
    return fn()
  })
}

/** A request of `node:http`, or one that a framework has made of it. */
export function arrivingFrom(request: IncomingMessage & { readonly originalUrl?: unknown }): Arriving {
  const { method = 'GET', headers } = request
  return {
    method,
    // A router that is mounted somewhere shortens `url`.
    url: typeof request.originalUrl === 'string' ? request.originalUrl : (request.url ?? '/'),
    header: (name) => headers[name]?.toString(),
  }
}

/**
 * Makes the listeners of a request ("data", "end", "close") run in the session. Node.js calls them in the context of the
 * connection, so whatever parses a body by call-backs would lead out of it.
 */
export function keepContext(request: IncomingMessage): void {
  const context = new AsyncResource('SignalboxRequest', { requireManualDestroy: true })
  const emit = request.emit.bind(request) as (...given: unknown[]) => boolean
  request.emit = (...given: unknown[]) => context.runInAsyncScope(emit, undefined, ...given)
}
