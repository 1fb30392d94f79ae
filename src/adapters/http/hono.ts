import type { HttpSessionOptions } from './options.ts'
import { RequestSessions } from './request-sessions.ts'
import type { SessionHost } from './session-host.ts'

/**
 * Middleware for Hono; see `sessions` of `signalbox/http`.
 *
 * @example
 * ```ts
 * import { Hono } from 'hono'
 * import { sessions } from 'signalbox/http/hono'
 *
 * const app = new Hono()
 * app.use(sessions(client))
 * ```
 */
export function sessions(
  client: SessionHost,
  options?: HttpSessionOptions,
): (context: HonoContext, next: () => Promise<void>) => Promise<void> {
  const requests = new RequestSessions(client, options)
  return (context, next) => {
    const { method, url } = context.req
    const request = { method, url: new URL(url).pathname, header: (name: string) => context.req.header(name) }
    return requests.run(request, async (answer) => {
      // Hono has made a response of what a handler threw by the time this returns.
      await next()
      const { cookies = [], header } = (await answer(context.res.status)) ?? {}
      for (const cookie of cookies) context.header('set-cookie', cookie, { append: true })
      if (header !== undefined) context.header(...header)
    })
  }
}

/** What is needed of Hono's context. */
export interface HonoContext {
  readonly req: {
    readonly method: string
    readonly url: string
    header(name: string): string | undefined
  }
  readonly res: { readonly status: number }
  header(name: string, value: string, options?: { readonly append?: boolean }): void
}
