import type { Analysis } from '../../index.ts'

/** Functions that lock, or change a setting, for as long as the connection lives. */
const lastingFunctions =
  /^(?:pg_advisory_lock(?:_shared)?|pg_try_advisory_lock(?:_shared)?|pg_advisory_unlock.*|set_config|setseed|lo_open|dblink_connect.*)$/

/** Functions that ask for the connection's number, or for another connection by its number. */
const ofConnections = /^pg_(?:backend_pid|cancel_backend|terminate_backend)$/

/** Whether its session needs one connection from now on: a statement leaves something there, or asks for the connection's number. */
export function keepsConnection(analysis: Analysis): boolean {
  return leavesSomething(analysis) || analysis.functions.some(({ name }) => name === 'pg_backend_pid')
}

/** Whether a statement is one of its own, which asks for nothing of its connection, nor for what only a virtual session can answer. */
export function isPlain(analysis: Analysis): boolean {
  return (
    analysis.statements === 1 &&
    !leavesSomething(analysis) &&
    !analysis.functions.some(({ name }) => ofConnections.test(name))
  )
}

/** Whether later statements of its session count on what a statement leaves behind; or it is too odd to tell. */
function leavesSomething(analysis: Analysis): boolean {
  const { kind, leavesState } = analysis
  return (
    leavesState || kind === 'session' || kind === 'transaction' || kind === 'unknown' || callsLastingFunctions(analysis)
  )
}

/**
 * Whether a statement that failed outside of a transaction may have left something behind all the same: locks stay. `code`, `where`: of
 * the server's error; one about the text itself came before anything ran.
 */
export function mayHaveKept(analysis: Analysis, error: { readonly code?: unknown; readonly where?: unknown }): boolean {
  // It has told no number, then.
  if (!leavesSomething(analysis)) return false
  if (error.code === '42601' && error.where === undefined) return false
  return analysis.kind !== 'session' || callsLastingFunctions(analysis)
}

function callsLastingFunctions({ functions }: Analysis): boolean {
  return functions.some(({ name }) => lastingFunctions.test(name))
}

const discard = /^\s*discard\s+(all|plans|sequences|temp|temporary)\s*;?\s*$/i
const deallocateAll = /^\s*deallocate\s+(?:prepare\s+)?all\s*;?\s*$/i
const unlistenAll = /^\s*unlisten\s+\*\s*;?\s*$/i

/** The tag of a statement that throws away what only a connection has; `undefined` for others. */
export function discardOf(sql: string): string | undefined {
  const [, what] = discard.exec(sql) ?? []
  if (what !== undefined) return `DISCARD ${what.toUpperCase().replace('TEMPORARY', 'TEMP')}`
  if (deallocateAll.test(sql)) return 'DEALLOCATE ALL'
  return unlistenAll.test(sql) ? 'UNLISTEN' : undefined
}
