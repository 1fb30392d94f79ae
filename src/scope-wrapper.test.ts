import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from './connect.ts'
import type { Client } from './client.ts'
import { ConfigError } from './errors.ts'
import type { ScopeWrapper } from './scope-wrapper.ts'
import { simulateDrivers } from './testing/simulated-driver.ts'

const primary = 'postgres://u@p/d'
const replicas = ['postgres://u@r1/d', 'postgres://u@r2/d'] as const
const read = 'select n from item'
let client: Client

beforeEach(async () => {
  const simulated = simulateDrivers()
  const position = { kind: 'lsn', timeline: 1, lsn: 7n } as const
  simulated.server(primary).setStatus({ position: { ...position, lsn: 8n } })
  for (const dsn of replicas) simulated.server(dsn).setStatus({ writable: false, position })
  client = await connect({ databases: { default: { primary, replicas } } }, { drivers: simulated.drivers })
})
afterEach(() => client.close())

/** What a read would go to now: the scope around it decides. */
const role = (): string => client.explain(read).role

describe('a scope', () => {
  it('that nests in one of its kind does not leak its pin (the defect of use_primary_db)', () => {
    client.primary(() => {
      client.primary(() => client.primary(role))
      expect(role()).toBe('primary')
    })
    expect(role()).toBe('replica')
    const pinned = client.within({ role: 'primary' })((depth: number): string =>
      depth === 0 ? role() : pinned(depth - 1),
    )
    expect(pinned(3)).toBe('primary')
    expect(role()).toBe('replica')
  })

  it('ends with its function, and the one around it comes back, in every order', async () => {
    expect(
      client.primary(() => [role(), client.replica(() => [role(), client.primary(role), role()]), role()].flat()),
    ).toEqual(['primary', 'replica', 'primary', 'replica', 'primary'])
    const seen = await client.primary(async () => {
      await setImmediate()
      const inner = await client.replica(async () => {
        await setImmediate()
        return role()
      })
      return [inner, role()]
    })
    expect(seen).toEqual(['replica', 'primary'])
    expect(role()).toBe('replica')
  })

  it('ends with an exception too, thrown at once or later', async () => {
    const fail = (): never => {
      throw new Error('inside')
    }
    expect(() => client.primary(fail)).toThrow('inside')
    expect(role()).toBe('replica')
    await client.primary(async () => {
      const failLater = async (): Promise<void> => {
        await setImmediate()
        fail()
      }
      await expect(client.replica(failLater)).rejects.toThrow('inside')
      await expect(client.within({ session: true })(failLater)()).rejects.toThrow('inside')
      expect(role()).toBe('primary')
    })
    expect(role()).toBe('replica')
  })

  it('is that of its own call where several overlap', async () => {
    const held = Promise.withResolvers<void>()
    const calls = [
      client.primary(async () => {
        await held.promise
        return role()
      }),
      client.replica(async () => {
        await held.promise
        return role()
      }),
      client.primary(async () => {
        await client.replica(() => held.promise)
        return role()
      }),
    ]
    expect(role()).toBe('replica')
    held.resolve()
    expect(await Promise.all(calls)).toEqual(['primary', 'replica', 'primary'])
  })

  it('holds for each step of a generator, and not between them', async () => {
    function* steps(): Generator<string, string, unknown> {
      yield role()
      try {
        yield role()
      } finally {
        yield `finally ${role()}`
      }
      return role()
    }
    const each = client.within({ role: 'primary' })(steps)()
    expect([each.next().value, role(), each.next().value, role()]).toEqual(['primary', 'replica', 'primary', 'replica'])
    expect(each.return('done').value).toBe('finally primary')
    expect(each.next()).toEqual({ done: true, value: 'done' })
    const caught = client.primary(steps)
    caught.next()
    expect(() => caught.throw(new Error('into'))).toThrow('into')
    expect([...client.primary(steps)]).toEqual(['primary', 'primary', 'finally primary'])
    expect(role()).toBe('replica')

    async function* later(): AsyncGenerator<string> {
      await setImmediate()
      yield role()
      await setImmediate()
      yield role()
    }
    const seen: string[] = []
    for await (const inside of client.within({ role: 'primary' })(later)()) seen.push(inside, role())
    expect(seen).toEqual(['primary', 'replica', 'primary', 'replica'])
    const promised = await client.primary(async () => {
      await setImmediate()
      return later()
    })
    expect(await Array.fromAsync(promised)).toEqual(['primary', 'primary'])
  })

  it('of a session that throws at once gives on what was begun in it', async () => {
    await client.session(async (session) => {
      const inner = (): never => {
        void client.query('update item set n = 1')
        throw new Error('at once')
      }
      expect(() => client.within({ session: true })(inner)()).toThrow('at once')
      expect(session.wrote).toBe(true)
      expect((await client.query(read)).route.role).toBe('primary')
    })
  })

  it('of a session goes on in a generator, and what is written there counts outside', async () => {
    await client.session(async (session) => {
      const inner = client.within({ session: true })(async function* () {
        yield 'nothing yet'
        await client.query('update item set n = 1')
        yield 'written'
      })()
      await inner.next()
      expect(session.wrote).toBe(false)
      await inner.next()
      expect(session.wrote).toBe(true)
      expect((await client.query(read)).route.role).toBe('primary')
      await inner.return()
    })
  })
})

describe('within()', () => {
  it('keeps arguments, `this`, the result, and what frameworks read of a function', async () => {
    const counter = {
      count: 3,
      add: client.within({ role: 'primary' })(function add(this: { count: number }, n: number, unit: string) {
        return `${this.count + n} ${unit} on the ${role()}`
      }),
    }
    expect(counter.add(4, 'rows')).toBe('7 rows on the primary')
    expect([counter.add.name, counter.add.length]).toEqual(['add', 2])
    const none = client.within({})(async () => await Promise.resolve(role()))
    expect(await none()).toBe('replica')
    // @ts-expect-error The type is that of the function.
    expect(counter.add('4')).toContain('undefined')
  })

  it('begins a session for each call', async () => {
    const needs: string[] = []
    const visit = client.within({ session: true })(async (write: boolean) => {
      if (write) await client.query('update item set n = 1')
      needs.push((await client.query(read)).route.role)
    })
    await Promise.all([visit(true), visit(false), visit(true)])
    expect(needs.toSorted()).toEqual(['primary', 'primary', 'replica'])
  })

  it('says only what it changes of the scopes around it', () => {
    const ruleOf = (): readonly string[] => client.explain(read).reasons.map(({ rule }) => rule)
    const inner = client.within({ maxStalenessMs: 500 })(() => [role(), ruleOf()])
    expect(inner()).toEqual(['primary', expect.arrayContaining(['max-staleness', 'no-usable-replica'])])
    expect(client.within({ role: 'primary' })(inner)()).toEqual([
      'primary',
      expect.not.arrayContaining(['max-staleness']),
    ])
    const tagged = client.within({ tags: ['search'] })(() => [ruleOf(), client.within({ tags: [] })(ruleOf)()])
    expect(tagged()).toEqual([expect.arrayContaining(['tags']), expect.not.arrayContaining(['tags'])])
  })

  it('refuses what cannot be', () => {
    const wrong: readonly (readonly [unknown, string])[] = [
      [{ role: 'master' }, 'scope.role'],
      [{ session: 'yes' }, 'scope.session'],
      [{ tags: 'search' }, 'scope.tags'],
      [{ maxStalenessMs: -1 }, 'scope.maxStalenessMs'],
      [{ atLeast: 7 }, 'scope.atLeast'],
      [{ timeoutMs: 7 }, 'scope.timeoutMs'],
      ['primary', 'scope'],
    ]
    for (const [scope, path] of wrong) {
      const make = (): unknown => client.within(scope as never)
      expect(make).toThrow(ConfigError)
      expect(make).toThrow(`${path}: `)
    }
    const wrap = client.within({ role: 'primary' }) as (...given: unknown[]) => unknown
    expect(() => wrap(7)).toThrow('fn: ')
    expect(() => wrap(Map, { kind: 'class' })).toThrow('It decorates a class.')
    expect(() => wrap(undefined, { kind: 'field' })).toThrow('It decorates a field.')
    // As TypeScript's older decorators call it.
    expect(() => wrap({ handle() {} }, 'handle', {})).toThrow(
      'within: It is not called as a decorator of the standard.',
    )
  })

  it('decorates methods, as compilers write decorators of the standard', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-decorator-'))
    try {
      const source = `export const make = (within: (scope: object) => any, role: () => string) => class Reviews {
        readonly #name = 'reviews'
        @within({ role: 'primary' })
        async list(prefix: string): Promise<string> {
          await Promise.resolve()
          return prefix + this.#name + ' on the ' + role()
        }
        @within({ role: 'primary' })
        static all(): string { return role() }
      }`
      writeFileSync(join(folder, 'reviews.mts'), source)
      const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
      const options = ['--target', 'es2022', '--module', 'nodenext', '--noCheck']
      execFileSync(process.execPath, [compiler, ...options, 'reviews.mts'], { cwd: folder })
      const { make } = (await import(pathToFileURL(join(folder, 'reviews.mjs')).href)) as {
        make: (
          within: (scope: object) => ScopeWrapper,
          role: () => string,
        ) => { new (): { list(prefix: string): Promise<string> }; all(): string }
      }
      const Reviews = make((scope) => client.within(scope), role)
      expect(await new Reviews().list('the ')).toBe('the reviews on the primary')
      expect(Reviews.all()).toBe('primary')
      expect(role()).toBe('replica')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
