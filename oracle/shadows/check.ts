import type { SignalboxError } from '../../src/index.ts'
import type { Tally } from '../tally.ts'
import type { OracleEngine } from './engine.ts'
import type { PlayedStatement, ShadowWorld, Step } from './model.ts'
import { errorText, type Outcome, outcomeOf } from './outcome.ts'
import type { Played, Runs } from './referee.ts'
import type { Stage } from './stage.ts'

class Rollback extends Error {}

/** Plays the steps into the shadow, then into the copy, and throws where they disagree. `isLast`: nothing more is played in this world. */
export async function checkSequence(
  engine: OracleEngine,
  stage: Stage,
  { world, steps, isLast }: { readonly world: ShadowWorld; readonly steps: readonly Step[]; readonly isLast: boolean },
  tally: Tally,
): Promise<void> {
  const referee = engine.referee(world)
  const refused = new Map<PlayedStatement, SignalboxError>()
  const given = await play(stage.shadow, steps, {
    run: async (on, statement) => {
      const outcome = await outcomeOf(on, statement)
      if (typeof outcome === 'string') return outcome
      refused.set(statement, outcome)
      return 'refused'
    },
    after: async (on, statement, outcome) =>
      refused.has(statement) ? outcome : await referee.afterShadow(on, statement, outcome),
  })
  const right = await play(stage.copy, steps, {
    run: async (on, statement) => (refused.has(statement) ? 'refused' : String(await outcomeOf(on, statement))),
    after: async (on, statement, outcome) =>
      refused.has(statement) ? outcome : await referee.afterCopy(on, statement, outcome),
  })
  const fail = (what: string): never => {
    throw new Error(`${what}\n${replay(world, given)}`)
  }
  for (const [i, step] of given.entries()) {
    const verdict = referee.verdict(step, right[i]?.outcome ?? 'nothing', given.slice(0, i))
    if (verdict === 'same') continue
    if ('leftOpen' in verdict) {
      tally.refused(verdict.leftOpen)
      continue
    }
    if ('excluded' in verdict) {
      for (const fault of await stage.faults(isLast)) fail(fault)
      return tally.refused(verdict.excluded)
    }
    fail(`Step ${i + 1}: ${step.text}\n   came to ${verdict.came}\n   should be ${verdict.due}`)
  }
  const all = worldsOf(steps, world)
  const due = await dump(engine, stage.copy, all)
  compare('At the end there is', await dump(engine, stage.shadow, all), due, fail)
  if (isLast) {
    const again = await stage.again()
    compare('Opened again it has', await dump(engine, again, all), due, fail)
    await again.close()
  }
  for (const fault of await stage.faults(isLast)) fail(fault)
  for (const { statement, outcome } of given)
    if (statement !== undefined) count(tally, statement, outcome, refused.get(statement))
}

function compare(words: string, came: readonly string[], due: readonly string[], fail: (what: string) => never): void {
  for (const [i, text] of came.entries())
    if (text !== due[i]) fail(`${words} ${text}\n${'should be'.padStart(words.length)} ${due[i]}`)
}

function count(tally: Tally, statement: PlayedStatement, outcome: Outcome, refusal: SignalboxError | undefined): void {
  if (refusal !== undefined)
    return tally.refused(
      refusal.message
        .replaceAll(/: \S+ is shown.*/g, ': a table shown as the base has it')
        .replaceAll(/changes \S+ is not/g, 'changes a table is not'),
      statement.form,
    )
  if (/^\w+Error/.test(outcome)) return tally.failed(outcome)
  tally.answered('written', outcome.startsWith('0 rows') ? 0 : 1, statement.form)
}

interface Player {
  readonly run: (on: Runs, statement: PlayedStatement) => Promise<Outcome>
  readonly after: (on: Runs, statement: PlayedStatement, outcome: Outcome) => Promise<Outcome>
}

async function play(client: Runs, steps: readonly Step[], { run, after }: Player): Promise<readonly Played[]> {
  const played: Played[] = []
  const go = async (on: Runs, list: readonly Step[]): Promise<void> => {
    for (const step of list) {
      if (step.kind === 'statement') {
        const { sql, params } = step.statement
        const text = Object.keys(params).length === 0 ? sql : `${sql} -- ${JSON.stringify(params)}`
        const { statement } = step
        const outcome =
          statement.isGuarded === true ? await guarded(on, (inner) => run(inner, statement)) : await run(on, statement)
        played.push({ text, outcome: await after(on, statement, outcome), statement })
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

/** In a savepoint of its own, which an error goes back to. */
async function guarded(on: Runs, run: (on: Runs) => Promise<Outcome>): Promise<Outcome> {
  let outcome = ''
  try {
    await on.transaction(async (inner) => {
      outcome = await run(inner)
      if (/^\w*Error/.test(outcome)) throw new Rollback()
    })
  } catch (error) {
    if (!(error instanceof Rollback)) return errorText(error)
  }
  return outcome
}

/** Each table, with what its engine has to tell of the kinds of its values, and each view. */
async function dump(engine: OracleEngine, on: Runs, worlds: readonly ShadowWorld[]): Promise<readonly string[]> {
  const texts: string[] = []
  const read = async (name: string, sql: string): Promise<void> => {
    const statement = { sql, params: [], ordered: false, refused: false, numbersRows: false, isChange: false, form: '' }
    texts.push(`${name}: ${String(await outcomeOf(on, statement))}`)
  }
  const [{ tables, views } = { tables: [], views: [] }, ...later] = worlds
  for (const { name, columns } of tables) await read(name, engine.dumpText(name, columns))
  for (const view of views) await read(view, `select * from ${view}`)
  // A column that was added may be there or not: that is compared, too.
  for (const world of later)
    for (const { name, columns } of world.tables)
      for (const column of columns.slice(tables.find((each) => each.name === name)?.columns.length))
        await read(`${name}, column ${column.name}`, engine.dumpText(name, [column]))
  return texts
}

/** The world, and what it may have become. */
function worldsOf(steps: readonly Step[], world: ShadowWorld): readonly ShadowWorld[] {
  const become = (step: Step): readonly ShadowWorld[] =>
    step.kind === 'block' ? step.steps.flatMap(become) : [step.statement.becomes].filter((each) => each !== undefined)
  return [world, ...steps.flatMap(become)]
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
