import { readFileSync } from 'node:fs'
import type { StatementKind } from '../../src/statement/analysis.ts'
import type { Effect } from '../../src/routing/route.ts'

/** What is expected of the statements below a heading. */
export interface CorpusHeading {
  readonly kind: StatementKind
  readonly effect: Effect
}

const kinds: readonly StatementKind[] = ['read', 'locking-read', 'write', 'ddl', 'transaction', 'session', 'unknown']
const effects: readonly Effect[] = ['read', 'write', 'session']

/** A file beside this one. */
export function fileText(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}

/** `place`: where the line stands, for the error. */
export function parseHeading(line: string, place: string): CorpusHeading {
  const [, kindName, effectName] = line.split(' ')
  const kind = kinds.find((each) => each === kindName)
  const effect = effects.find((each) => each === effectName)
  if (kind === undefined || effect === undefined) throw new Error(`${place}: no such kind or effect`)
  return { kind, effect }
}
