import type { IncomingMessage, ServerResponse } from 'node:http'
import { runNode } from './node-request.ts'
import type { HttpSessionOptions } from './options.ts'
import { RequestSessions } from './request-sessions.ts'
import type { SessionHost } from './session-host.ts'

export type { CookieOptions, HttpSessionOptions, PinningOptions } from './options.ts'
export type { HttpSession, SessionHost, SessionStart } from './session-host.ts'

/** Middleware of Connect and Express. */
export type ConnectMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/**
 * Middleware for Express and Connect: each request runs in a session of its own, which begins where the token of the
 * request ends, and the response carries the token on. Use it before everything that queries.
 *
 * - A token is set only if something was written, whatever the method and the status of the response, and renewed or
 *   removed if the request brought one.
 * - A response that has begun cannot carry a later write: query before the first byte of a stream.
 * - Waiting for the token delays the response by up to `tokenTimeoutMs`, and only if there is one to wait for.
 *
 * Throws `ConfigError` for options that cannot be.
 *
 * @example
 * ```ts
 * import express from 'express'
 * import { sessions } from 'signalbox/http'
 *
 * const app = express()
 * app.use(sessions(client, { cookie: { secure: true }, header: 'x-signalbox' }))
 * ```
 */
export function sessions(client: SessionHost, options?: HttpSessionOptions): ConnectMiddleware {
  const requests = new RequestSessions(client, options)
  return (request, response, next) => runNode(requests, request, response, () => next())
}

/**
 * The same around a handler of `node:http`.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { sessionHandler } from 'signalbox/http'
 *
 * const server = createServer(
 *   sessionHandler(client, async (request, response) => {
 *     const { rows } = await client.query('select 1 as one')
 *     response.end(JSON.stringify(rows))
 *   }),
 * )
 * ```
 */
export function sessionHandler<Q extends IncomingMessage, R extends ServerResponse>(
  client: SessionHost,
  handler: (request: Q, response: R) => unknown,
  options?: HttpSessionOptions,
): (request: Q, response: R) => void {
  const requests = new RequestSessions(client, options)
  return (request, response) => void runNode(requests, request, response, () => handler(request, response))
}
