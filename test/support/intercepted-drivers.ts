import type { Driver, DriverPool, DriverRequest, DriverResult, Engine, Lease } from '../../src/drivers/driver.ts'
import { drivers } from '../../src/drivers/all.ts'
import { CommitUnknownError, QueryError } from '../../src/index.ts'

/** One step of a write to a looked-up column, on its way to a server. */
export interface InterceptedStep {
  readonly name: LookupStep | 'other'
  readonly sql: string
  readonly params: readonly unknown[]
}

export const lookupSteps = [
  'insert entry',
  'read entry',
  'fence',
  'remove claim',
  'look for row',
  'replace entry',
  'begin',
  'claim',
  'write row',
  'commit',
] as const

export type LookupStep = (typeof lookupSteps)[number]

/**
 * What becomes of a step: it is not sent, and the connection is lost; it is sent, and the answer is lost; it is left out, and answered as
 * if it had gone well. Otherwise it goes on.
 */
export type Interception = 'lose before' | 'lose after' | 'leave out' | undefined

export interface Interceptor {
  readonly before?: (step: InterceptedStep) => Interception | Promise<Interception>
  readonly after?: (step: InterceptedStep) => void | Promise<void>
}

/** The real drivers, whose steps a test can hold up, cut off or leave out. */
export function interceptedDrivers(interceptor: Interceptor): Readonly<Record<Engine, () => Promise<Driver>>> {
  const wrapped = (engine: Engine) => async (): Promise<Driver> => {
    const driver = await drivers[engine]()
    return {
      engine: driver.engine,
      open: async (target, options) => intercepted(await driver.open(target, options), interceptor),
    }
  }
  return { postgres: wrapped('postgres'), mysql: wrapped('mysql'), sqlite: wrapped('sqlite') }
}

function intercepted(pool: DriverPool, interceptor: Interceptor): DriverPool {
  return new Proxy(pool, {
    get(target, name) {
      if (name === 'query')
        return async (request: DriverRequest) =>
          await through(interceptor, request.sql, request.params, async () => await target.query(request))
      if (name === 'lease')
        return async (...given: Parameters<DriverPool['lease']>) => leased(await target.lease(...given), interceptor)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function leased(lease: Lease, interceptor: Interceptor): Lease {
  return new Proxy(lease, {
    get(target, name) {
      if (name === 'query')
        return async (request: DriverRequest) =>
          await through(interceptor, request.sql, request.params, async () => await target.query(request))
      if (name === 'begin')
        return async (options: Parameters<Lease['begin']>[0]) =>
          await through(interceptor, 'begin', [], async () => await target.begin(options))
      if (name === 'commit')
        return async () => {
          try {
            await through(interceptor, 'commit', [], async () => await target.commit())
          } catch (error) {
            if (!(error instanceof QueryError) || error.errorClass !== 'connection-lost') throw error
            throw new CommitUnknownError('The connection was lost after COMMIT was sent.', { cause: error })
          }
        }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

async function through<T>(
  { before, after }: Interceptor,
  sql: string,
  params: DriverRequest['params'],
  send: () => Promise<T>,
): Promise<T> {
  const step: InterceptedStep = { name: nameOf(sql, params), sql, params: Array.isArray(params) ? params : [] }
  const interception = await before?.(step)
  if (interception === 'leave out')
    return { rows: [], rowCount: 1, fields: [], native: undefined } satisfies DriverResult as T
  if (interception === 'lose before') throw lost()
  const answer = await send()
  if (interception === 'lose after') throw lost()
  await after?.(step)
  return answer
}

function lost(): QueryError {
  return new QueryError('connection-lost', 'The connection was lost, as the test wanted it.')
}

function nameOf(sql: string, params: DriverRequest['params']): InterceptedStep['name'] {
  if (sql === 'begin' || sql === 'commit') return sql
  if (sql.startsWith('insert into signalbox_lookup_claim'))
    return (params as readonly unknown[]).includes('dead') ? 'fence' : 'claim'
  if (sql.startsWith('delete from signalbox_lookup_claim')) return 'remove claim'
  if (sql.startsWith('insert into signalbox_lookup ')) return 'insert entry'
  if (sql.startsWith('update signalbox_lookup ')) return 'replace entry'
  if (sql.startsWith('select lookup')) return 'read entry'
  if (sql.startsWith('select 1 as found')) return 'look for row'
  return /^(?:insert into|update|delete from) customer/.test(sql) ? 'write row' : 'other'
}
