import { checkFunction } from './call-check.ts'
import { ConfigError } from './errors.ts'

/** Gives a function that is called within a scope, in all else the one that it was given; as a decorator, a method's. */
export type ScopeWrapper = <F extends (this: never, ...given: never[]) => unknown>(
  fn: F,
  context?: ClassMethodDecoratorContext,
) => F

/** Makes a wrapper of functions whose calls are made by `run`. */
export function scopeWrapper(run: (call: () => unknown) => unknown): ScopeWrapper {
  return (fn, context) => {
    checkContext(context)
    checkFunction(fn, 'fn')
    const wrapped = function (this: unknown, ...given: unknown[]): unknown {
      return run(() => Reflect.apply(fn, this, given) as unknown)
    }
    // Frameworks read them: Express tells handlers of errors by their four parameters.
    for (const name of ['name', 'length'] as const)
      Object.defineProperty(wrapped, name, { value: fn[name], configurable: true })
    return wrapped as unknown as typeof fn
  }
}

function checkContext(context: unknown): void {
  if (context === undefined) return
  const kind: unknown = typeof context === 'object' && context !== null && 'kind' in context ? context.kind : undefined
  if (kind === 'method') return
  const found =
    typeof kind === 'string' ? `It decorates a ${kind}.` : 'It is not called as a decorator of the standard.'
  throw new ConfigError('within', found, 'a method, or a function as its only argument')
}
