import { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { runNode } from './node-request.ts'
import type { HttpSessionOptions } from './options.ts'
import { RequestSessions } from './request-sessions.ts'
import type { SessionHost } from './session-host.ts'

/**
 * Middleware for Koa; see `sessions` of `signalbox/http`.
 *
 * @example
 * ```ts
 * import Koa from 'koa'
 * import { sessions } from 'signalbox/http/koa'
 *
 * const app = new Koa()
 * app.use(sessions(client))
 * ```
 */
export function sessions(
  client: SessionHost,
  options?: HttpSessionOptions,
): (context: KoaContext, next: () => Promise<unknown>) => Promise<void> {
  const requests = new RequestSessions(client, options)
  // On Node's own response, because Koa answers after the last middleware, and clears the headers if one threw.
  return (context, next) =>
    runNode(requests, context.req, context.res, async () => {
      await next()
      keepStream(context.body)
    })
}

/** Koa reads a body that is a stream outside of all middleware; what its source queries still belongs to the session. */
function keepStream(body: unknown): void {
  if (body instanceof Readable) body.read = AsyncResource.bind(body.read.bind(body))
}

/** What is needed of Koa's context. */
export interface KoaContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly body?: unknown
}
