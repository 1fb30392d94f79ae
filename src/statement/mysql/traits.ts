import type { SyntaxWalk } from '../shallow/syntax-walk.ts'
import type { Verdict } from '../verdict.ts'
import { tokenType } from '../shallow/token-list.ts'

/** What makes a query more than a read. Found word by word, so that no misread structure can hide it. */
export interface Traits {
  /** `INTO OUTFILE`, `INTO DUMPFILE`. */
  intoFile: boolean
  intoVariable: boolean
  /** `INTO` something else: a variable of a stored program. */
  intoOther: boolean
  locksRows: boolean
  /** `@x := …`, `LAST_INSERT_ID(…)`, `SQL_CALC_FOUND_ROWS`: what is left on the connection. */
  leaves: string
  /** `@x`, `@@x`, `LAST_INSERT_ID()`: what is read from the connection. */
  reads: string
  /** `NEXT VALUE FOR`. */
  takesNumber: boolean
}

/** Functions that tell about the connection that they run on. */
const stateFunctions: ReadonlySet<string> = new Set([
  'last_insert_id',
  'found_rows',
  'row_count',
  'connection_id',
  'lastval',
])
/** Functions that take or release locks which belong to the connection. */
const lockFunctions: ReadonlySet<string> = new Set(['get_lock', 'release_lock', 'release_all_locks'])

/** System variables that every connection to a server sees alike. */
const serverVariables: ReadonlySet<string> = new Set(
  `VERSION VERSION_COMMENT VERSION_COMPILE_OS VERSION_COMPILE_MACHINE HOSTNAME PORT SERVER_ID SERVER_UUID READ_ONLY
  SUPER_READ_ONLY DATADIR BASEDIR LOWER_CASE_TABLE_NAMES GTID_EXECUTED GTID_BINLOG_POS GTID_CURRENT_POS GTID_SLAVE_POS
  LOG_BIN MAX_CONNECTIONS`.split(/\s+/),
)

export function readTraits(walk: SyntaxWalk, from: number, to: number): Traits {
  const { tokens } = walk
  const traits: Traits = {
    intoFile: false,
    intoVariable: false,
    intoOther: false,
    locksRows: false,
    leaves: '',
    reads: '',
    takesNumber: false,
  }
  for (let i = from; i < to; i++) {
    const type = tokens.types[i]
    if (type === tokenType.userVariable) traits.reads = 'a user variable'
    else if (type === tokenType.systemVariable) noteSystemVariable(tokens.word(i), traits)
    else if (type === tokenType.word || type === tokenType.punctuation) noteWord(walk, i, traits)
  }
  return traits
}

function noteSystemVariable(name: string, traits: Traits): void {
  if (name.startsWith('GLOBAL.') || serverVariables.has(name)) return
  traits.reads = 'a session variable'
}

function noteWord(walk: SyntaxWalk, i: number, traits: Traits): void {
  const { tokens } = walk
  const next = tokens.word(i + 1)
  switch (tokens.word(i)) {
    case 'INTO':
      if (next === 'OUTFILE' || next === 'DUMPFILE') traits.intoFile = true
      else if (tokens.type(i + 1) === tokenType.userVariable) traits.intoVariable = true
      else traits.intoOther = true
      break
    case 'FOR':
      if (next === 'UPDATE' || next === 'SHARE') traits.locksRows = true
      break
    case 'LOCK':
      if (next === 'IN') traits.locksRows = true
      break
    case ':=':
      traits.leaves = 'an assigned variable'
      break
    case 'SQL_CALC_FOUND_ROWS':
      traits.leaves = 'the count for FOUND_ROWS()'
      break
    case 'LAST_INSERT_ID':
      if (next === '(' && tokens.word(i + 2) !== ')') traits.leaves = 'the value of LAST_INSERT_ID()'
      break
    case 'NEXT':
    case 'PREVIOUS':
      if (next === 'VALUE' && tokens.word(i + 2) === 'FOR') noteSequence(walk, i, traits)
      break
    case '':
      // `s.nextval` takes a number under `sql_mode=ORACLE`; elsewhere it is an ordinary column, for once misjudged.
      if (tokens.end(i) - tokens.start(i) === 7 && tokens.text(i).toLowerCase() === 'nextval') traits.takesNumber = true
      break
    default:
  }
}

/** `NEXT VALUE FOR s` and `PREVIOUS VALUE FOR s`. */
function noteSequence(walk: SyntaxWalk, i: number, traits: Traits): void {
  const { tokens, findings } = walk
  const takes = tokens.word(i) === 'NEXT'
  findings.addFunction(takes ? 'nextval' : 'lastval', undefined)
  if (takes) traits.takesNumber = true
  else traits.reads = 'the last number of a sequence'
  const name = walk.qualifiedNameAt(i + 3, tokens.length)
  if (name !== undefined) findings.addTable(name, takes ? 'write' : 'read')
}

/** What a query with these traits, and with the functions noted so far, is. */
export function queryVerdict(walk: SyntaxWalk, traits: Traits): Verdict {
  const leavesState = stateLeft(walk, traits)
  const calls = walk.findings.functions
  if (traits.intoFile) return { kind: 'write', why: 'SELECT … INTO writes a file on the server', leavesState }
  if (traits.takesNumber || calls.some((call) => call.name === 'nextval' || call.name === 'setval'))
    return { kind: 'write', why: 'it takes a number from a sequence', leavesState }
  if (traits.intoOther) return { kind: 'unknown', why: 'INTO names something unknown', complete: false, leavesState }
  if (traits.locksRows) return { kind: 'locking-read', why: 'SELECT … FOR UPDATE or SHARE locks rows', leavesState }
  if (traits.intoVariable)
    return { kind: 'session', why: 'SELECT … INTO @x sets a variable of its connection', leavesState }
  if (traits.leaves !== '') return { kind: 'session', why: `it leaves ${traits.leaves} on its connection`, leavesState }
  if (leavesState) return { kind: 'session', why: 'it takes or releases a lock of its connection', leavesState }
  if (traits.reads !== '') return { kind: 'session', why: `it reads ${traits.reads} of its connection` }
  const call = calls.find((candidate) => stateFunctions.has(candidate.name))
  if (call !== undefined) return { kind: 'session', why: `${call.name}() tells about its own connection` }
  return { kind: 'read', why: 'it only reads' }
}

export function stateLeft(walk: SyntaxWalk, traits: Traits): boolean {
  return (
    traits.leaves !== '' || traits.intoVariable || walk.findings.functions.some((call) => lockFunctions.has(call.name))
  )
}
