import type promise from 'mysql2/promise'
import type { Mysql2 } from './native-mysql2.ts'

/** The module `mysql2/promise`. */
export type Mysql2Promise = typeof promise

type Wrapper = new (core: unknown, promiseClass: unknown) => object

interface HasPromise {
  readonly prototype: { promise(promiseClass?: unknown): object }
}

/** Its options may name another class of promises. */
interface HasPromiseClass {
  readonly Promise?: PromiseConstructor
}

/** The module with promises of a façade, whose own functions that make something with promises are the same. */
export function promiseModule(facade: Mysql2): Mysql2Promise {
  const { createConnectionPromise, createPoolPromise, createPoolClusterPromise } = facade as unknown as Record<
    string,
    unknown
  >
  const made = {
    createConnection: createConnectionPromise,
    createPool: createPoolPromise,
    createPoolCluster: createPoolClusterPromise,
  }
  return Object.assign(promisedBy(facade), made)
}

/** mysql2's own wrappers with promises, around what `module` makes. */
export function promisedBy(module: Mysql2): Mysql2Promise {
  const { Connection, PoolConnection, Pool } = module as unknown as Record<string, HasPromise>
  // Not all of them are exported, but each makes its own.
  const [PromiseConnection, PromisePoolConnection, PromisePool] = [Connection, PoolConnection, Pool].map(
    (wrapped) => wrapped!.prototype.promise.call({ on: () => undefined }).constructor as Wrapper,
  ) as [Wrapper, Wrapper, Wrapper]
  const makesClusters = module as unknown as { createPoolClusterPromise(): object }
  const PromisePoolCluster = makesClusters.createPoolClusterPromise().constructor as Wrapper
  const parts = {
    createConnection: async (options: unknown) => await connected(module, options, PromiseConnection),
    createPool: (options: unknown) => new PromisePool(module.createPool(options as never), promiseOf(options)),
    createPoolCluster: (options?: unknown) => {
      const core = module.createPoolCluster(options as never)
      const cluster = new PromisePoolCluster(core, promiseOf(options))
      // The wrapper's own calls the method of mysql2's class, whatever the cluster is.
      return Object.assign(cluster, { add: (...given: [never]) => core.add(...given) })
    },
    Connection: PromiseConnection,
    PoolConnection: PromisePoolConnection,
    PromisePool,
    PromiseConnection,
    PromisePoolConnection,
  }
  const { escape, escapeId, format, raw, Types, Charsets } = module
  const { CharsetToEncoding, TypedParameter, setMaxParserCache, clearParserCache } = module as unknown as Record<
    string,
    unknown
  >
  const shared = {
    escape,
    escapeId,
    format,
    raw,
    Types,
    TypedParameter,
    Charsets,
    CharsetToEncoding,
    setMaxParserCache,
    clearParserCache,
  }
  return { ...parts, ...shared } as unknown as Mysql2Promise
}

function connected(module: Mysql2, options: unknown, Wrapped: Wrapper): Promise<object> {
  const core = module.createConnection(options as never)
  const PromiseClass = promiseOf(options)
  const callers: { readonly stack?: string } = {}
  Error.captureStackTrace(callers, connected)
  return new PromiseClass((resolve, reject) => {
    core.once('connect', () => resolve(new Wrapped(core, PromiseClass)))
    core.once('error', (error) => {
      // As mysql2 does: where it failed says nobody's name.
      const [, ...frames] = (callers.stack ?? '').split('\n')
      error.stack = [`${error.name}: ${error.message}`, ...frames].join('\n')
      reject(error)
    })
  })
}

function promiseOf(options: unknown): PromiseConstructor {
  return (options as HasPromiseClass | undefined)?.Promise ?? Promise
}
