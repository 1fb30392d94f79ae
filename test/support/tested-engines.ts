import type { Engine } from '../../src/topology/server-target.ts'

export const allEngines: readonly Engine[] = ['postgres', 'mysql', 'sqlite']

/**
 * The engines of a run: all of them, unless SIGNALBOX_TEST_ENGINES narrows it explicitly (`sqlite,postgres`).
 *
 * @throws Error if the variable names something else, or nothing.
 */
export function enginesOf(variable: string | undefined): readonly Engine[] {
  if (variable === undefined) return allEngines
  const names = variable.split(',').map((name) => name.trim())
  const unknown = names.filter((name) => !allEngines.some((engine) => engine === name))
  if (unknown.length > 0) {
    throw new Error(`SIGNALBOX_TEST_ENGINES is "${variable}". Allowed: one or several of ${allEngines.join(', ')}.`)
  }
  return allEngines.filter((engine) => names.includes(engine))
}
