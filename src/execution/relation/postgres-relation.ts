import type { PartialRelation, Refusal } from '../../routing/partial-aggregates.ts'
import { allRows, type PartialAnswer, type RelationContext } from './partial-answer.ts'

/** Built-in types by their number, with names that mean no length: `bit` alone would be `bit(1)`. */
const builtIn: ReadonlyMap<number, string> = new Map([
  [16, 'boolean'],
  [17, 'bytea'],
  [18, '"char"'],
  [19, 'name'],
  [20, 'bigint'],
  [21, 'smallint'],
  [23, 'integer'],
  [25, 'text'],
  [26, 'oid'],
  [114, 'json'],
  [650, 'cidr'],
  [700, 'real'],
  [701, 'double precision'],
  [790, 'money'],
  [829, 'macaddr'],
  [869, 'inet'],
  [1042, 'bpchar'],
  [1043, 'varchar'],
  [1082, 'date'],
  [1083, 'time'],
  [1114, 'timestamp'],
  [1184, 'timestamptz'],
  [1186, 'interval'],
  [1266, 'timetz'],
  [1560, 'pg_catalog."bit"'],
  [1562, 'varbit'],
  [1700, 'numeric'],
  [2950, 'uuid'],
  [3802, 'jsonb'],
])

/** Of the built-in ones, those whose texts need no quotes within an array. */
const plain = new Set([16, 20, 21, 23, 26, 700, 701, 1082, 1700, 2950])
/** Of the built-in ones, those whose values compare by a collation. */
const collatable = new Set([19, 25, 1042, 1043])
/** `real`, `double precision`, and arrays of them. */
const floats = new Set([700, 701, 1021, 1022])
/** Numbers below are the same on every server. */
const firstOwnType = 16_384
/** `record` and `unknown`, which have no text that could be read again. */
const unreadable = new Map([
  [2249, 'a row value'],
  [2287, 'an array of row values'],
])

/**
 * Each column as one array of texts, which the server reads by the type's own rules. Types that an application has made, and arrays,
 * are named by the server that finishes, since their numbers differ from server to server.
 */
export async function postgresRelation({ plan, answers, ask }: RelationContext): Promise<PartialRelation | Refusal> {
  const oids = typesOf(answers[0])
  for (const oid of oids)
    if (unreadable.has(oid)) return { refused: `${unreadable.get(oid)} in a group or an aggregate` }
  for (const each of answers.slice(1)) {
    const other = typesOf(each)
    const differing = oids.findIndex((oid, i) => oid !== other[i] && Math.min(oid, other[i] ?? 0) < firstOwnType)
    if (differing >= 0)
      return { refused: `the column ${plan.columns[differing]}, whose type is not the same on all shards` }
  }
  const rounded = oids.findIndex((oid) => floats.has(oid))
  if (rounded >= 0 && (await roundsFloats(ask))) {
    return {
      refused: `the column ${plan.columns[rounded]} of floating-point numbers, which come rounded (set extra_float_digits to 1, or write a cast to numeric),`,
    }
  }
  const names = await typeNames(oids, ask)
  const rows = allRows(answers)
  const listed = plan.columns.map((column, i) => (builtIn.has(oids[i]!) ? `u.${column}` : `u.${column}::${names[i]}`))
  const arrays = plan.columns.flatMap((_, i): PartialRelation['rows'] => [
    i === 0 ? '' : ', ',
    { parameter: { value: arrayText(rows, i, plain.has(oids[i]!)) } },
    `::${builtIn.has(oids[i]!) ? names[i] : 'text'}[]`,
  ])
  return {
    rows: [`select ${listed.join(', ')} from unnest(`, ...arrays, `) as u(${plan.columns.join(', ')})`],
    types: names,
    modelled: oids.some((oid) => collatable.has(oid) || !builtIn.has(oid)),
  }
}

/** With fewer digits than they have, different numbers come as one. The default from PostgreSQL 12 on is 1: all of them. */
async function roundsFloats(ask: RelationContext['ask']): Promise<boolean> {
  const { rows } = await ask({ sql: `select current_setting('extra_float_digits')`, params: [], rowMode: 'raw' })
  return !(Number((rows as readonly (readonly unknown[])[])[0]?.[0]) > 0)
}

function typesOf({ fields }: PartialAnswer): readonly number[] {
  return fields.map(({ native }) => (native as { readonly dataTypeID: number }).dataTypeID)
}

async function typeNames(oids: readonly number[], ask: RelationContext['ask']): Promise<readonly string[]> {
  const unknown = [...new Set(oids.filter((oid) => !builtIn.has(oid)))]
  if (unknown.length === 0) return oids.map((oid) => builtIn.get(oid)!)
  const { rows } = await ask({
    sql: 'select o, format_type(o, null) from unnest($1::oid[]) as t(o)',
    params: [`{${unknown.join(',')}}`],
    rowMode: 'raw',
  })
  const own = new Map((rows as readonly (readonly [string, string])[]).map(([oid, name]) => [Number(oid), name]))
  return oids.map((oid) => builtIn.get(oid) ?? own.get(oid) ?? 'text')
}

/** A column of texts as PostgreSQL writes an array. */
function arrayText(rows: readonly (readonly unknown[])[], column: number, isPlain: boolean): string {
  const texts: string[] = []
  for (const row of rows) {
    const value = row[column] as string | null
    if (value === null) texts.push('NULL')
    else if (isPlain) texts.push(value)
    else
      texts.push(value.includes('"') || value.includes('\\') ? `"${value.replaceAll(/["\\]/g, '\\$&')}"` : `"${value}"`)
  }
  return `{${texts.join(',')}}`
}
