import type { IncomingMessage } from 'node:http'
import { arrivingFrom, keepContext } from './node-request.ts'
import type { HttpSessionOptions } from './options.ts'
import { RequestSessions, type Answer } from './request-sessions.ts'
import type { SessionHost } from './session-host.ts'

/**
 * Plugin for Fastify; see `sessions` of `signalbox/http`. It holds for all routes of the instance that it is registered
 * on. A reply that was hijacked carries no token.
 *
 * @example
 * ```ts
 * import fastify from 'fastify'
 * import { sessions } from 'signalbox/http/fastify'
 *
 * const app = fastify()
 * await app.register(sessions(client))
 * ```
 */
export function sessions(
  client: SessionHost,
  options?: HttpSessionOptions,
): (instance: FastifyHooks, options: unknown, done: () => void) => void {
  const requests = new RequestSessions(client, options)
  const plugin = (instance: FastifyHooks, _: unknown, done: () => void): void => {
    const answers = new WeakMap<IncomingMessage, Answer>()
    instance.addHook('onRequest', ({ raw }, _reply, next) => {
      requests.run(arrivingFrom(raw), (answer) => {
        answers.set(raw, answer)
        keepContext(raw)
        next()
      })
    })
    instance.addHook('onSend', async ({ raw }, reply) => {
      const { cookies = [], header } = (await answers.get(raw)?.(reply.statusCode)) ?? {}
      // Fastify adds one more to the cookies that are there.
      for (const cookie of cookies) reply.header('set-cookie', cookie)
      if (header !== undefined) reply.header(...header)
    })
    done()
  }
  // Without this, Fastify would keep the hooks to routes of the plugin itself.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true })
}

/** What is needed of Fastify's instance. */
export interface FastifyHooks {
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequest, reply: FastifyReply, next: () => void) => void,
  ): FastifyHooks
  addHook(name: 'onSend', hook: (request: FastifyRequest, reply: FastifyReply) => Promise<void>): FastifyHooks
}

/** What is needed of Fastify's request. */
export interface FastifyRequest {
  readonly raw: IncomingMessage
}

/** What is needed of Fastify's reply. */
export interface FastifyReply {
  readonly statusCode: number
  header(name: string, value: string): unknown
}
