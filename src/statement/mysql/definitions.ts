import { indexOfWord } from '../shallow/data-change.ts'
import { readPending, readQuery } from '../shallow/query-expression.ts'
import { topScope, type SyntaxWalk } from '../shallow/syntax-walk.ts'
import { skipAlias } from '../shallow/table-list.ts'
import type { Verdict } from '../verdict.ts'

const objectWords: ReadonlySet<string> = new Set(
  `TABLE TABLES VIEW INDEX DATABASE SCHEMA USER ROLE SERVER SEQUENCE PROCEDURE FUNCTION TRIGGER EVENT PACKAGE
  TABLESPACE LOGFILE RESOURCE INSTANCE CATALOG LIBRARY`.split(/\s+/),
)

/** Index of the word that says what a `CREATE`, `ALTER` or `DROP` is about, or -1. */
export function objectIndex(walk: Pick<SyntaxWalk, 'tokens'>, from: number, to: number): number {
  const { tokens } = walk
  for (let i = from + 1; i < to && i < from + 24; i++) {
    const word = tokens.word(i)
    if (objectWords.has(word)) return i
    if (word === '(') return -1
  }
  return -1
}

/** `CREATE`, `ALTER` and `DROP`: notes the tables that they name. */
export function readDefinition(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  const verb = tokens.word(from)
  const at = objectIndex(walk, from, to)
  const object = at < 0 ? '' : tokens.word(at)
  const why = `${verb}${object === '' ? '' : ` ${object}`} changes the schema or rights`
  const name = skipExistence(walk, at + 1)
  switch (object) {
    case 'TABLE':
    case 'TABLES': {
      const temporary = tokens.word(at - 1) === 'TEMPORARY'
      const complete = verb === 'DROP' ? noteNames(walk, name, to) : readTableDefinition(walk, verb, name, to)
      if (temporary)
        return {
          kind: 'session',
          why: `${verb} TEMPORARY TABLE concerns only its connection`,
          leavesState: true,
          complete,
        }
      return { kind: 'ddl', why, complete }
    }
    case 'VIEW':
      if (verb === 'DROP') return { kind: 'ddl', why, complete: noteNames(walk, name, to) }
      return { kind: 'ddl', why, complete: readViewDefinition(walk, name, to) }
    case 'SEQUENCE':
      return { kind: 'ddl', why, complete: noteNames(walk, name, verb === 'DROP' ? to : name + 3) }
    case 'INDEX': {
      const on = indexOfWord(walk, 'ON', at, to)
      return { kind: 'ddl', why, complete: on >= 0 && noteName(walk, on + 1, to, 'write') > 0 }
    }
    case 'TRIGGER': {
      const on = indexOfWord(walk, 'ON', at, to)
      if (on >= 0) noteName(walk, on + 1, to, 'write')
      return { kind: 'ddl', why, complete: false }
    }
    case 'PROCEDURE':
    case 'FUNCTION':
    case 'EVENT':
    case 'PACKAGE':
      return { kind: 'ddl', why, complete: verb === 'DROP' }
    default:
      return { kind: 'ddl', why }
  }
}

/** Behind `IF EXISTS` and `IF NOT EXISTS`. */
function skipExistence(walk: SyntaxWalk, index: number): number {
  const { tokens } = walk
  if (tokens.word(index) !== 'IF') return index
  return tokens.word(index + 1) === 'NOT' ? index + 3 : index + 2
}

/** Notes the table named at `index` and gives the token behind it; -1 if there is no name. */
export function noteName(walk: SyntaxWalk, index: number, to: number, access: 'read' | 'write'): number {
  const name = walk.qualifiedNameAt(index, to)
  if (name === undefined) return -1
  walk.findings.addTable(name, access)
  return name.next
}

/** Notes the tables of a list of names with commas between; options behind each name are passed over. */
export function noteNames(walk: SyntaxWalk, index: number, to: number, access: 'read' | 'write' = 'write'): boolean {
  const { tokens } = walk
  let i = index
  for (;;) {
    i = noteName(walk, i, to, access)
    if (i < 0) return false
    while (i < to && tokens.word(i) !== ',') i = tokens.word(i) === '(' ? tokens.partner(i) + 1 : i + 1
    if (i >= to) return true
    i++
  }
}

function readTableDefinition(walk: SyntaxWalk, verb: string, index: number, to: number): boolean {
  const { tokens } = walk
  let i = noteName(walk, index, to, 'write')
  if (i < 0) return false
  noteReferences(walk, i, to)
  if (verb === 'ALTER') return noteOtherTables(walk, i, to)
  if (tokens.word(i) === 'LIKE') return noteName(walk, i + 1, to, 'read') > 0
  if (tokens.word(i) === '(' && tokens.word(i + 1) === 'LIKE') return noteName(walk, i + 2, to, 'read') > 0
  for (; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(' && !walk.opensQuery(i)) i = tokens.partner(i)
    else if (word === '(' || word === 'SELECT' || word === 'VALUES') return readInnerQuery(walk, i, to)
    else if ((word === 'WITH' || word === 'TABLE') && tokens.word(i - 1) === 'AS') return readInnerQuery(walk, i, to)
    else if (word === 'WITH' && tokens.word(i + 2) === 'AS') return readInnerQuery(walk, i, to)
  }
  return true
}

/** Tables that foreign keys refer to. */
function noteReferences(walk: SyntaxWalk, from: number, to: number): void {
  for (let i = from; i < to; i++) if (walk.tokens.word(i) === 'REFERENCES') noteName(walk, i + 1, to, 'read')
}

/** `ALTER TABLE t RENAME TO u`, `… EXCHANGE PARTITION p WITH TABLE u`, and MariaDB's `CONVERT … TABLE u`. */
function noteOtherTables(walk: SyntaxWalk, from: number, to: number): boolean {
  const { tokens } = walk
  for (let i = from; i < to; i++) {
    const word = tokens.word(i)
    if (word === '(') i = tokens.partner(i)
    else if (
      word === 'TABLE' &&
      (tokens.word(i - 1) === 'WITH' || tokens.word(i - 1) === 'CONVERT' || tokens.word(i - 1) === 'TO')
    )
      noteName(walk, i + 1, to, 'write')
    else if (word === 'RENAME') {
      const next = tokens.word(i + 1)
      if (next === 'TO' || next === 'AS') noteName(walk, i + 2, to, 'write')
      else if (next !== 'COLUMN' && next !== 'INDEX' && next !== 'KEY') noteName(walk, i + 1, to, 'write')
    }
  }
  return true
}

function readViewDefinition(walk: SyntaxWalk, index: number, to: number): boolean {
  const { tokens } = walk
  noteName(walk, index, to, 'write')
  const as = indexOfWord(walk, 'AS', index, to)
  if (as < 0) return false
  let end = to
  if (tokens.word(to - 1) === 'OPTION' && tokens.word(to - 2) === 'CHECK') {
    end = to - 3
    if (tokens.word(end) !== 'WITH') end--
  }
  return readInnerQuery(walk, as + 1, end)
}

/** The query inside a definition. The statement's kind stands already, so a query that isn't understood spoils only the tables. */
function readInnerQuery(walk: SyntaxWalk, from: number, to: number): boolean {
  const understood = readQuery(walk, from, to, { ...topScope, place: 'derived' }) && readPending(walk)
  walk.confusion = ''
  return understood
}

/** `RENAME TABLE a TO b, c TO d`. */
export function readRename(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  const why = 'RENAME changes the schema or rights'
  if (tokens.word(from + 1) !== 'TABLE' && tokens.word(from + 1) !== 'TABLES') return { kind: 'ddl', why }
  let i = skipExistence(walk, from + 2)
  for (;;) {
    i = noteName(walk, i, to, 'write')
    if (i < 0) return { kind: 'ddl', why, complete: false }
    while (i < to && tokens.word(i) !== ',' && tokens.word(i) !== 'TO') i++
    if (i >= to) return { kind: 'ddl', why }
    i++
  }
}

/** `LOCK TABLES a AS x READ, b WRITE`. */
export function readLockTables(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  let complete = true
  let i = from + 2
  while (i < to && complete) {
    const name = walk.qualifiedNameAt(i, to)
    complete = name !== undefined
    if (name === undefined) break
    const { next } = skipAlias(walk, name.next, to)
    let end = next
    while (end < to && tokens.word(end) !== ',') end++
    const writes = indexOfWord(walk, 'WRITE', next, end) >= 0
    walk.findings.addTable(name, writes ? 'write' : 'read')
    i = end + 1
  }
  return { kind: 'session', why: 'LOCK TABLES holds locks on its connection', leavesState: true, complete }
}
