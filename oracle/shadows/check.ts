import type { Client, SignalboxError } from '../../src/index.ts'
import type { Tally } from '../tally.ts'
import type { PlayedStatement, ShadowWorld, Step } from './model.ts'
import { errorText, type Outcome, outcomeOf } from './outcome.ts'
import type { Stage } from './sqlite/stage.ts'

/** What was played, in its order, and what it came to. */
interface Played {
  readonly text: string
  readonly outcome: Outcome
  readonly statement?: PlayedStatement
}

/** What `last_insert_rowid()` tells behind an INSERT that failed depends on when it failed; so does `changes()`. */
function withoutId(outcome: Outcome): Outcome {
  return outcome.replace(/id -?\d+/, 'id').replace(/^(1 rows, id undefined: \[\d+),-?\d+\]/, '$1]')
}

const brokenKey = 'FOREIGN KEY constraint failed'

class Rollback extends Error {}

/** Plays the steps into the shadow, then into the copy, and throws where they disagree. */
export async function checkSequence(
  stage: Stage,
  world: ShadowWorld,
  steps: readonly Step[],
  tally: Tally,
): Promise<void> {
  const refused = new Map<PlayedStatement, SignalboxError>()
  const given = await play(stage.shadow, steps, async (on, statement) => {
    const outcome = await outcomeOf(on, statement)
    if (typeof outcome === 'string') return outcome
    refused.set(statement, outcome)
    return 'refused'
  })
  const right = await play(stage.copy, steps, async (on, statement) => {
    if (refused.has(statement)) return 'refused'
    const outcome = String(await outcomeOf(on, statement))
    return (await breaksItself(on, world)) ? 'broken' : outcome
  })
  const fail = (what: string): never => {
    throw new Error(`${what}\n${replay(world, given)}`)
  }
  let [isStale, isUncounted] = [false, false]
  for (const [i, { text, outcome, statement }] of given.entries()) {
    const other = right[i]?.outcome ?? 'nothing'
    if (other === 'broken') return tally.refused('SQLite itself has let a row through that breaks a foreign key')
    if (statement?.form === 'insert')
      isStale = /^\w*Error/.test(outcome) || (isStale && !(statement.numbersRows && /^[1-9]/.test(outcome)))
    if (statement?.isChange) isUncounted = /^\w*Error/.test(outcome)
    const told = (text: Outcome): Outcome => {
      const numbered = isStale ? withoutId(text) : text
      return isUncounted && statement?.form === 'counts' ? numbered.replace(/\[\d+/, '[') : numbered
    }
    const [came, due] = [told(outcome), told(other)]
    if (came !== due && due.includes(brokenKey) && given.slice(0, i).some((step) => step.outcome.includes(brokenKey)))
      return tally.refused('SQLite itself still counts the deferred keys of a statement that has failed')
    if (came !== due) fail(`Step ${i + 1}: ${text}\n   came to ${came}\n   should be ${due}`)
  }
  const dumps = await Promise.all([dump(stage.shadow, world), dump(stage.copy, world)])
  for (const [i, text] of dumps[0].entries())
    if (text !== dumps[1][i]) fail(`At the end there is ${text}\n         should be    ${dumps[1][i]}`)
  const again = await stage.again()
  const later = await dump(again, world)
  for (const [i, text] of later.entries())
    if (text !== dumps[1][i]) fail(`Opened again it has ${text}\n         should be    ${dumps[1][i]}`)
  await Promise.all([again.close(), stage.shadow.close(), stage.copy.close()])
  for (const fault of await stage.faults()) fail(fault)
  for (const { statement, outcome } of given)
    if (statement !== undefined) count(tally, statement, outcome, refused.get(statement))
}

function count(tally: Tally, statement: PlayedStatement, outcome: Outcome, refusal: SignalboxError | undefined): void {
  if (refusal !== undefined)
    return tally.refused(
      refusal.message.replaceAll(/: \S+ is shown.*/g, ': a table shown as the base has it'),
      statement.form,
    )
  if (/^\w+Error/.test(outcome)) return tally.failed(outcome)
  tally.answered('written', outcome.startsWith('0 rows') ? 0 : 1, statement.form)
}

/** Whether the engine itself has let a row through that breaks a foreign key, as SQLite does where rows refer to their own table. */
async function breaksItself(on: Runs, { definitions }: ShadowWorld): Promise<boolean> {
  if (definitions.some((sql) => sql.includes('deferred'))) return false
  try {
    return (await on.query('pragma foreign_key_check')).rows.length > 0
  } catch {
    return false
  }
}

type Runs = Pick<Client, 'query' | 'transaction'>

async function play(
  client: Runs,
  steps: readonly Step[],
  run: (on: Runs, statement: PlayedStatement) => Promise<Outcome>,
): Promise<readonly Played[]> {
  const played: Played[] = []
  const go = async (on: Runs, list: readonly Step[]): Promise<void> => {
    for (const step of list) {
      if (step.kind === 'statement') {
        const { sql, params } = step.statement
        const text = Object.keys(params).length === 0 ? sql : `${sql} -- ${JSON.stringify(params)}`
        played.push({ text, outcome: await run(on, step.statement), statement: step.statement })
      } else await block(on, step)
    }
  }
  const block = async (on: Runs, { steps: inner, fails }: Extract<Step, { kind: 'block' }>): Promise<void> => {
    played.push({ text: 'BEGIN', outcome: '' })
    try {
      await on.transaction(async (tx) => {
        await go(tx, inner)
        if (fails) throw new Rollback()
      })
      played.push({ text: 'COMMIT', outcome: 'done' })
    } catch (error) {
      played.push(
        error instanceof Rollback
          ? { text: 'ROLLBACK', outcome: 'rolled back' }
          : { text: 'COMMIT', outcome: errorText(error) },
      )
    }
  }
  await go(client, steps)
  return played
}

/** Each table with the storage classes of its values, which a copy must keep. */
async function dump(client: Runs, { tables, views }: ShadowWorld): Promise<readonly string[]> {
  const texts: string[] = []
  for (const { name, columns } of tables) {
    const quoted = columns.map((column) => `"${column.name.replaceAll('"', '""')}"`)
    const kinds = quoted.map((column) => `typeof(${column})`)
    const sql = `select *, ${kinds.join(" || ' ' || ")} as kinds from "${name}"`
    texts.push(
      `${name}: ${String(await outcomeOf(client, { sql, params: [], ordered: false, refused: false, numbersRows: false, isChange: false, form: '' }))}`,
    )
  }
  for (const view of views)
    texts.push(
      `${view}: ${String(await outcomeOf(client, { sql: `select * from ${view}`, params: [], ordered: false, refused: false, numbersRows: false, isChange: false, form: '' }))}`,
    )
  return texts
}

/** The whole as SQL; what stands behind `--` is not run. */
function replay({ definitions, rows, tables }: ShadowWorld, played: readonly Played[]): string {
  return [
    `-- the base; ${tables.map(({ name, kind }) => `${name}: ${kind}`).join(', ')}`,
    ...definitions,
    ...rows,
    '-- played',
    ...played.map(({ text }) => text),
  ]
    .map((line) => `${line};`)
    .join('\n')
}
