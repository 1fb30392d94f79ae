import { serve, type ServerType } from '@hono/node-server'
import express from 'express'
import fastify, { type FastifyInstance } from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { sessions as fastifySessions } from '../../src/adapters/http/fastify.ts'
import { sessions as honoSessions } from '../../src/adapters/http/hono.ts'
import { sessions as koaSessions } from '../../src/adapters/http/koa.ts'
import {
  sessionHandler,
  sessions as expressSessions,
  type HttpSessionOptions,
  type SessionHost,
} from '../../src/adapters/http/node.ts'

/** What a route answers, in words of its own: each framework says it in its own way. */
export interface Reply {
  readonly status?: number
  readonly cookie?: string
  readonly location?: string
  /** A stream, if it is not a text. */
  readonly body?: string | AsyncIterable<string>
}

/** Routes by method and path, `GET /write`; they get the body of the request, as the framework's own parser read it. */
export type Routes = Readonly<Record<string, (body: unknown) => Promise<Reply>>>

export interface App extends AsyncDisposable {
  readonly url: string
}

type Start = (host: SessionHost, routes: Routes, options?: HttpSessionOptions) => Promise<App>

function listed(routes: Routes) {
  return Object.entries(routes).map(([name, run]) => {
    const [method = '', path = ''] = name.split(' ')
    return { method, path, run }
  })
}

async function listening(server: Server | ServerType): Promise<App> {
  if (!server.listening) await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      if ('closeAllConnections' in server) server.closeAllConnections()
      await closed
    },
  }
}

function headersOf({ cookie, location }: Reply): Record<string, string> {
  return { ...(cookie === undefined ? {} : { 'set-cookie': cookie }), ...(location === undefined ? {} : { location }) }
}

/** Call-backs only, as old code does it: nothing here would keep a context by itself. */
function readBody(request: IncomingMessage, done: (body: unknown) => void): void {
  let text = ''
  request.on('data', (chunk: Buffer) => (text += chunk.toString()))
  request.on('end', () => done(text === '' ? undefined : JSON.parse(text)))
}

function answerNode(response: ServerResponse, reply: Reply): void {
  response.writeHead(reply.status ?? 200, headersOf(reply))
  if (typeof reply.body === 'object') Readable.from(reply.body).pipe(response)
  else response.end(reply.body)
}

const nodeApp: Start = async (host, routes, options) => {
  const handler = (request: IncomingMessage, response: ServerResponse): void =>
    readBody(request, (body) => {
      const run = routes[`${request.method === 'HEAD' ? 'GET' : request.method} ${request.url?.split('?')[0]}`]
      void run?.(body).then(
        (reply) => answerNode(response, reply),
        () => answerNode(response, { status: 500 }),
      )
    })
  return listening(createServer(sessionHandler(host, handler, options)).listen(0, '127.0.0.1'))
}

const expressApp: Start = async (host, routes, options) => {
  const app = express()
  // Its own report of a thrown error goes to the console otherwise.
  app.set('env', 'test')
  app.use(expressSessions(host, options))
  app.use(express.json())
  for (const { method, path, run } of listed(routes)) {
    app[method.toLowerCase() as 'get' | 'post'](path, async (request, response) => {
      const reply = await run(request.body)
      response.status(reply.status ?? 200)
      if (reply.cookie !== undefined) response.append('set-cookie', reply.cookie)
      if (reply.location !== undefined) response.redirect(reply.status ?? 302, reply.location)
      else if (typeof reply.body === 'object') Readable.from(reply.body).pipe(response)
      else response.send(reply.body)
    })
  }
  return listening(app.listen(0, '127.0.0.1'))
}

const fastifyApp: Start = (host, routes, options) =>
  fastifyAround(
    host,
    (app) => {
      for (const { method, path, run } of listed(routes)) {
        app.route({
          method,
          url: path,
          async handler(request, reply) {
            const answer = await run(request.body)
            reply.status(answer.status ?? 200).headers(headersOf(answer))
            return typeof answer.body === 'object' ? reply.send(Readable.from(answer.body)) : reply.send(answer.body)
          },
        })
      }
    },
    options,
  )

/** Fastify with the sessions and with what `backfill` adds to it. */
export async function fastifyAround(
  host: SessionHost,
  fill: (app: FastifyInstance) => void,
  options?: HttpSessionOptions,
): Promise<App> {
  const app = fastify()
  await app.register(fastifySessions(host, options))
  fill(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      app.server.closeAllConnections()
      await app.close()
    },
  }
}

const koaApp: Start = async (host, routes, options) => {
  const app = new Koa()
  app.silent = true
  app.use(koaSessions(host, options))
  app.use(async (context) => {
    const body = await new Promise<unknown>((resolve) => readBody(context.req, resolve))
    const reply = await routes[`${context.method === 'HEAD' ? 'GET' : context.method} ${context.path}`]?.(body)
    context.status = reply?.status ?? (reply === undefined ? 404 : 200)
    context.set(headersOf(reply ?? {}))
    context.body = typeof reply?.body === 'object' ? Readable.from(reply.body) : (reply?.body ?? null)
    if (reply?.status !== undefined) context.status = reply.status
  })
  return listening(app.listen(0, '127.0.0.1'))
}

const honoApp: Start = async (host, routes, options) => {
  const app = new Hono()
  app.use(honoSessions(host, options))
  app.onError((_, context) => context.text('failed', 500))
  for (const { method, path, run } of listed(routes)) {
    app.on(method, path, async (context) => {
      const reply = await run(method === 'POST' ? await context.req.json() : undefined)
      const body =
        typeof reply.body === 'object'
          ? ReadableStream.from(reply.body).pipeThrough(new TextEncoderStream())
          : (reply.body ?? null)
      return new Response(body, { status: reply.status ?? 200, headers: headersOf(reply) })
    })
  }
  return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }))
}

/** The same routes as a server of each framework, on a free port. */
export const startApp = {
  'node:http': nodeApp,
  Express: expressApp,
  Fastify: fastifyApp,
  Koa: koaApp,
  Hono: honoApp,
} as const satisfies Readonly<Record<string, Start>>
