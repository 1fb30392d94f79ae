/** What surrounds a call: a session, or a wish for certain servers. */
export interface CallScope {
  /** Runs something within it. */
  enter<T>(call: () => T): T
  /** The call has come to an end, or to a pause of which nobody knows whether it goes on. May come several times. */
  leave(): void
}

/**
 * Calls `fn` within a scope, however it goes on: a function that is asynchronous, one that throws, one that gives a query
 * builder (which runs when it is awaited: it is awaited here), and a generator, whose steps run whenever its caller asks.
 * What a reader pulls out of any other stream runs in the reader's surroundings.
 */
export function callWithin<T>(scope: CallScope, fn: () => T): T {
  let result: T
  try {
    result = scope.enter(() => awaited(fn()))
  } catch (error) {
    scope.leave()
    throw error
  }
  if (!(result instanceof Promise)) {
    scope.leave()
    return stepwise(scope, result)
  }
  const ended = (value: unknown): unknown => {
    scope.leave()
    return stepwise(scope, value)
  }
  const failed = (error: unknown): never => {
    scope.leave()
    throw error
  }
  return result.then(ended, failed) as T
}

/** Query builders run when they are awaited: where a function gives one, that happens here, so that it runs within the scope. */
function awaited<T>(result: T): T {
  if (result instanceof Promise || !isThenable(result)) return result
  return new Promise((resolve, reject) => {
    result.then(resolve, reject)
  }) as T
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return 'then' in value && typeof value.then === 'function'
}

const steps: ReadonlySet<unknown> = new Set(['next', 'return', 'throw'])

/** A generator's body runs in its caller's surroundings, step by step: each step is taken within the scope. */
function stepwise<T>(scope: CallScope, result: T): T {
  if (typeof result !== 'object' || result === null || !isGenerator(result)) return result
  return new Proxy(result, {
    get(generator, name): unknown {
      const member: unknown = Reflect.get(generator, name, generator)
      if (!steps.has(name) || typeof member !== 'function') return member
      // Its own methods take a generator for `this`, and nothing else.
      return (...given: unknown[]): unknown =>
        callWithin(scope, () => Reflect.apply(member, generator, given) as unknown)
    },
  })
}

function isGenerator(value: object): boolean {
  const tag = Object.prototype.toString.call(value)
  return tag === '[object Generator]' || tag === '[object AsyncGenerator]'
}
