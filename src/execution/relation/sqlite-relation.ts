import type { PartialRelation } from '../../routing/partial-aggregates.ts'
import { allRows, type RelationContext } from './partial-answer.ts'

/**
 * The rows as JSON in one parameter; a statement may have 32,766 of them only. Whole numbers keep all digits, and REALs come out of
 * the shortest decimal text as they went in. Bytes, and texts with a zero character, go in hexadecimal.
 */
export function sqliteRelation({ plan, answers }: RelationContext): Promise<PartialRelation> {
  const rows = allRows(answers)
  const special = plan.columns.map((_, i) => rows.some((row) => isSpecial(row[i])))
  const columns = plan.columns.map((_, i) => {
    const plain = `j.value ->> ${i}`
    if (!special[i]) return plain
    const hex = `unhex(j.value ->> '$[${i}][0]')`
    const kind = `json_array_length(j.value, '$[${i}]')`
    return `case when json_type(j.value, '$[${i}]') <> 'array' then ${plain} when ${kind} = 2 then cast(${hex} as text) else ${hex} end`
  })
  const declared = answers[0].fields.map(({ native }) => (native as { readonly type?: string | null }).type ?? '')
  return Promise.resolve({
    rows: [`select ${columns.join(', ')} from json_each(`, { parameter: { value: jsonText(rows) } }, ') as j'],
    types: declared.map((type, i) => comparedAs(type, rows, i)),
    modelled: true,
  })
}

/** The type as which a column compares, if it holds nothing else; empty if none is known. */
function comparedAs(declared: string, rows: readonly (readonly unknown[])[], column: number): string {
  const [type, holds] = affinityOf(declared.toUpperCase())
  return rows.every((row) => row[column] === null || typeof row[column] === holds) ? type : ''
}

/** By SQLite's rules (https://sqlite.org/datatype3.html#determination_of_column_affinity), but for NUMERIC, which holds two. */
function affinityOf(declared: string): readonly [type: string, holds: string] {
  if (declared.includes('INT')) return ['integer', 'bigint']
  if (/CHAR|CLOB|TEXT/.test(declared)) return ['text', 'string']
  if (/REAL|FLOA|DOUB/.test(declared)) return ['real', 'number']
  return ['', '']
}

function isSpecial(value: unknown): boolean {
  return value instanceof Uint8Array || (typeof value === 'string' && value.includes('\0'))
}

function jsonText(rows: readonly (readonly unknown[])[]): string {
  let text = '['
  for (let i = 0; i < rows.length; i++) {
    text += i === 0 ? '[' : ',['
    const row = rows[i]!
    for (let j = 0; j < row.length; j++) text += (j === 0 ? '' : ',') + jsonValue(row[j])
    text += ']'
  }
  return text + ']'
}

function jsonValue(value: unknown): string {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return realText(value)
  if (value instanceof Uint8Array) return `["${Buffer.from(value).toString('hex')}"]`
  if (typeof value === 'string' && value.includes('\0')) return `["${Buffer.from(value).toString('hex')}",1]`
  return JSON.stringify(value)
}

/** A number that is read as a REAL, though it be a whole one. */
function realText(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '9e999' : '-9e999'
  if (Object.is(value, -0)) return '-0.0'
  const text = String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}
