import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HttpSessionOptions, SessionHost } from '../../src/adapters/http/node.ts'
import { connect, type Client } from '../../src/index.ts'
import { startPostgresCluster, type ClusterDatabase, type TestCluster } from '../../src/testing/index.ts'
import { CookieJar } from '../support/cookie-jar.ts'
import { startApp, type App, type Routes } from '../support/http-apps.ts'
import { sharedServer, testedEngines } from '../support/servers.ts'

const delayMs = 500

/** As an application would be without the middleware. */
const noSessions: SessionHost = {
  session: (fn) => fn({ wrote: false, token: () => Promise.resolve(undefined) }),
}

describe.runIf(testedEngines.includes('postgres'))('websites whose replicas show a commit half a second later', () => {
  let cluster: TestCluster
  let database: ClusterDatabase
  /** Two processes of one application: requests go to either. */
  let here: Client
  let there: Client

  beforeAll(async () => {
    cluster = await startPostgresCluster({ template: sharedServer('postgres').template })
    database = await cluster.createDatabase()
    here = await open()
    there = await open()
    await here.query('create table review (id integer generated always as identity primary key)')
    await cluster.caughtUp()
    for (const replica of cluster.replicas) await cluster.delayReplay(replica, delayMs)
  }, 60_000)
  afterAll(async () => {
    await here?.close()
    await there?.close()
    await cluster?.stop()
  })

  async function open(): Promise<Client> {
    const { primary, replicas } = database
    return await connect({
      databases: { default: { primary, replicas } },
      tokens: { keys: ['a secret of sixteen bytes'] },
    })
  }

  function routesOf(client: Client): Routes {
    const add = async (): Promise<unknown> => await client.query('insert into review default values')
    return {
      'POST /reviews': async () => {
        await add()
        return { status: 303, location: '/reviews' }
      },
      'POST /fails': async () => {
        await add()
        throw new Error('after the write')
      },
      'POST /searches': async () => await shown(client),
      'GET /visits': async () => {
        await add()
        return await shown(client)
      },
      'GET /reviews': async () => await shown(client),
    }
  }

  async function shown(client: Client): Promise<{ body: string }> {
    const { rows, route } = await client.query<{ n: number }>('select count(*)::int as n from review')
    return { body: JSON.stringify({ n: rows[0]?.n, role: route.role }) }
  }

  const written = async (): Promise<number> =>
    (await here.query<{ n: number }>('select count(*)::int as n from review', [], { role: 'primary' })).rows[0]?.n ?? 0

  /** A request of a browser, which does not follow redirects by itself. */
  async function send(app: App, method: 'GET' | 'POST', path: string, jar = new CookieJar()) {
    const headers = { cookie: jar.header, 'content-type': 'application/json' }
    const body = method === 'POST' ? { body: '{}' } : {}
    const response = await fetch(app.url + path, { method, redirect: 'manual', headers, ...body })
    const cookies = response.headers.getSetCookie()
    jar.take({ cookies })
    const text = await response.text()
    const { status } = response
    return { status, cookies, location: response.headers.get('location') ?? '', text }
  }

  /**
   * What is to be seen before replicas show a write: repeated until it was quick enough to prove anything. `before`: rows
   * that all servers have when it begins.
   */
  async function inTime<T>(scenario: (before: number) => Promise<T>): Promise<T & { readonly before: number }> {
    for (;;) {
      await cluster.caughtUp()
      const before = await written()
      const begun = performance.now()
      const seen = await scenario(before)
      if (performance.now() - begun < delayMs * 0.9) return { ...seen, before }
    }
  }

  const page = async (app: App, path: string, jar?: CookieJar): Promise<{ n: number; role: string }> =>
    JSON.parse((await send(app, 'GET', path, jar)).text) as { n: number; role: string }

  /** The application in both processes. */
  async function both(start: (typeof startApp)[keyof typeof startApp], options?: HttpSessionOptions) {
    const [first, second] = [await start(here, routesOf(here), options), await start(there, routesOf(there), options)]
    const close = async (): Promise<void> => {
      await first[Symbol.asyncDispose]()
      await second[Symbol.asyncDispose]()
    }
    return { first, second, [Symbol.asyncDispose]: close }
  }

  describe.each(Object.entries(startApp))('on %s', (_, start) => {
    it('show what a form saved on the page that it redirects to, and what nobody saved as it is', async () => {
      await using apps = await both(start)
      const { first, second } = apps
      const { saved, jar, stranger, before } = await inTime(async () => {
        const cookies = new CookieJar()
        const answer = await send(first, 'POST', '/reviews', cookies)
        return { saved: answer, jar: cookies, stranger: await page(second, '/reviews') }
      })
      expect(saved).toMatchObject({ status: 303, location: '/reviews', cookies: [expect.any(String)] })
      expect(stranger).toEqual({ n: before, role: 'replica' })
      expect(await page(second, saved.location, jar)).toMatchObject({ n: before + 1 })
      expect(await page(first, saved.location, jar)).toMatchObject({ n: before + 1 })
    })

    it('do not without the middleware', async () => {
      const { saved, next, before } = await inTime(async () => {
        // Without sessions a client as a whole reads what its requests wrote or saw, so this one is new.
        await using fresh = await open()
        await fresh.query('select 1 from review')
        await using first = await start(noSessions, routesOf(here))
        await using second = await start(noSessions, routesOf(fresh))
        const jar = new CookieJar()
        return { saved: await send(first, 'POST', '/reviews', jar), next: await page(second, '/reviews', jar) }
      })
      expect(saved).toMatchObject({ status: 303, cookies: [] })
      expect(next).toEqual({ n: before, role: 'replica' })
    })

    it('show what was saved before a request failed, and what a GET saved; a POST that only searches costs nothing', async () => {
      await using apps = await both(start)
      const { first, second } = apps
      const before = await written()
      const jar = new CookieJar()
      expect(await send(first, 'POST', '/fails', jar)).toMatchObject({ status: 500, cookies: [expect.any(String)] })
      expect(await page(second, '/reviews', jar)).toMatchObject({ n: before + 1 })
      expect(await page(first, '/visits', jar)).toMatchObject({ n: before + 2 })
      expect(await page(second, '/reviews', jar)).toMatchObject({ n: before + 2 })
      const { status, cookies, text } = await send(second, 'POST', '/searches')
      expect({ status, cookies, text }).toMatchObject({
        status: 200,
        cookies: [],
        text: expect.stringContaining('replica'),
      })
    })

    it('forget the write once every replica has caught up', async () => {
      await using apps = await both(start)
      const { first, second } = apps
      const jar = new CookieJar()
      await send(first, 'POST', '/reviews', jar)
      expect(jar.values).toHaveLength(1)
      const n = await written()
      await cluster.caughtUp()
      await expect
        .poll(async () => [(await page(second, '/reviews', jar)).n, jar.values], { timeout: 5_000 })
        .toEqual([n, []])
      expect(await page(second, '/reviews', jar)).toEqual({ n, role: 'replica' })
    })
  })

  it('pin by method and time, as the well-known middleware does', async () => {
    await using apps = await both(startApp['node:http'], { pinning: { optOut: ['/searches'] } })
    const { first, second } = apps
    const { jar, seen, stranger, before } = await inTime(async () => {
      const cookies = new CookieJar()
      const search = await send(second, 'POST', '/searches', cookies)
      const after = await page(second, '/reviews', cookies)
      await send(first, 'POST', '/reviews', cookies)
      return { jar: cookies, seen: [search.text, after.role], stranger: await page(second, '/reviews') }
    })
    expect(seen).toEqual([expect.stringContaining('replica'), 'replica'])
    expect(stranger).toEqual({ n: before, role: 'replica' })
    for (let i = 0; i < 2; i += 1)
      expect(await page(second, '/reviews', jar)).toEqual({ n: before + 1, role: 'primary' })
    expect(jar.values).toEqual(['y'])
  })

  it('pin by redirect, for the page that follows only', async () => {
    await using apps = await both(startApp['node:http'], { pinning: { mode: 'redirect' } })
    const { first, second } = apps
    const before = await written()
    const jar = new CookieJar()
    const { location } = await send(first, 'POST', '/reviews', jar)
    expect(await page(second, location, jar)).toEqual({ n: before + 1, role: 'primary' })
    expect(jar.values).toEqual([])
    expect(await page(second, location, jar)).toMatchObject({ role: 'replica' })
  })
})
