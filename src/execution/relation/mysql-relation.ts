import type { Field } from '../../drivers/driver.ts'
import { valuesOf, type AggregationPlan, type PartialRelation, type Refusal } from '../../routing/partial-aggregates.ts'
import { hasAmbiguousMoments } from './ambiguous-moments.ts'
import { allRows, type PartialAnswer, type RelationContext } from './partial-answer.ts'

/** What mysql2 says of a column, as far as it is used here. */
interface NativeField {
  readonly columnType: number
  readonly columnLength: number
  readonly decimals: number
  readonly flags: number
  readonly characterSet: number
  /** MariaDB: `json` for what its own functions take for JSON, and has the type of a text. */
  readonly extendedFormat?: string
}

const unsignedFlag = 32
const zerofillFlag = 64
const floatType = 4
const yearType = 13
const enumFlag = 256
const setFlag = 2048
const binary = 63
/** Characters above which a text is no VARCHAR. All columns of a row have 65,535 bytes in MariaDB's temporary tables. */
const longestVarchar = 1_020
/** Numbers of collations of utf8mb4, in which answers usually come: a length of four bytes is one character. */
const isFourBytes = (id: number) => id === 45 || id === 46 || (id >= 224 && id <= 247) || (id >= 255 && id <= 323)
/** Of LONGTEXT, functions like UNHEX make something of no length at all on MariaDB 10.11: an empty text, without an error. */
const longText = 'mediumtext'

interface ColumnType {
  /** As JSON_TABLE takes it; a text has no collation yet. */
  readonly sql: string
  readonly kind: 'decimal' | 'double' | 'text' | 'bytes' | 'other'
  /** Its texts have digits that its values do not have. */
  readonly zerofill?: true
  /** A FLOAT, which comes with six digits in the text protocol. */
  readonly isFloat?: true
  /** A TIMESTAMP. A column of this type may not hold NULL on older servers. */
  readonly isMoment?: true
}

/** The rows as JSON in one parameter, which JSON_TABLE reads into columns of the very types that the shards answered with. */
export async function mysqlRelation(context: RelationContext): Promise<PartialRelation | Refusal> {
  const { plan, answers } = context
  const types: ColumnType[] = []
  for (let i = 0; i < plan.columns.length; i++) {
    const type = commonType(answers, i)
    if ('refused' in type) return type
    // Only where the type has changed between two questions to the shards: a FLOAT is asked for as a double, too.
    if (type.isFloat === true && !plan.doubles?.includes(i) && answers.some(({ rows }) => rows.length > 0))
      return { refused: `the column ${answers[0].fields[i]!.name} of type FLOAT, which it was not before,` }
    types.push(type)
  }
  const moments = types.flatMap(({ isMoment }, i) => (isMoment === true ? [i] : []))
  if (moments.length > 0 && (await hasAmbiguousMoments(context, moments)))
    return {
      refused: `a column of type TIMESTAMP with moments that the clock of the session's time zone shows twice (write UNIX_TIMESTAMP(…), or set the time zone to '+00:00')`,
    }
  const collations = types.some(({ kind }) => kind === 'text') ? await collationsOf(context) : []
  const columns = plan.columns.map((column, i) => {
    const { sql, kind, isFloat } = types[i]!
    const collation = kind === 'text' ? collated(collations[i]) : ''
    const place = isFloat === true ? placeOfDouble(plan, i) : i
    return `${column} ${sql}${collation} path '$[${place}]' error on error`
  })
  const read = plan.columns.map((column, i) => (types[i]!.kind === 'bytes' ? `unhex(j.${column})` : `j.${column}`))
  const table = `json_table(cast(`
  return {
    rows: [
      `select ${read.join(', ')} from ${table}`,
      { parameter: { value: jsonText(allRows(answers)) } },
      ` as char charset utf8mb4), '$[*]' columns (${columns.join(', ')})) as j`,
    ],
    types: types.map(({ kind, zerofill }) => (zerofill ? 'zerofill' : kind)),
    modelled: false,
  }
}

/**
 * The text for the shards with columns once more as doubles: the text protocol, in which large texts and those of callers who want
 * nothing prepared are sent, rounds a FLOAT to six digits and a double to none. The columns themselves tell the types.
 */
export function withDoubles(plan: AggregationPlan, places: readonly number[]): AggregationPlan {
  const known = plan.doubles ?? []
  const added = places.filter((place) => !known.includes(place))
  if (added.length === 0) return plan
  const items = added.map((place) => `, z.${plan.columns[place]} + 0e0 as ${plan.columns[place]}_double`)
  const sql = `select z.*${items.join('')} from (${plan.shard.sql}) as z`
  return { ...plan, shard: { ...plan.shard, sql }, doubles: [...known, ...added] }
}

/** The places of the columns that are FLOAT on some shard. */
export function floatsOf({ columns }: AggregationPlan, answers: readonly PartialAnswer[]): readonly number[] {
  return columns.flatMap((_, place) =>
    answers.some(({ fields }) => (fields[place]!.native as NativeField).columnType === floatType) ? [place] : [],
  )
}

function placeOfDouble({ columns, doubles = [] }: AggregationPlan, place: number): number {
  const index = doubles.indexOf(place)
  return index === -1 ? place : columns.length + index
}

/**
 * The type of a column on all shards. JSON_TABLE cuts off what does not fit without an error, ERROR ON ERROR or not, so nothing
 * but the length of texts may differ.
 */
function commonType(answers: readonly PartialAnswer[], column: number): ColumnType | Refusal {
  const natives = answers.map(({ fields }) => fields[column]!.native as NativeField)
  const columnLength = Math.max(...natives.map((native) => native.columnLength))
  const [first, ...others] = natives.map((native) => ({
    ...columnType(answers[0]!.fields[column]!, { ...native, columnLength }),
    ...((native.flags & zerofillFlag) !== 0 && native.columnType !== yearType ? { zerofill: true as const } : {}),
  }))
  const other = others.find((each) => JSON.stringify(each) !== JSON.stringify(first))
  if (other !== undefined)
    return { refused: `the column ${answers[0]!.fields[column]!.name}, whose type is not the same on all shards` }
  return first!
}

function columnType({ name }: Field, native: NativeField): ColumnType | Refusal {
  const { columnType: type, columnLength, decimals, flags, characterSet } = native
  const sign = (flags & unsignedFlag) === 0 ? '' : ' unsigned'
  const fraction = decimals > 0 && decimals <= 6 ? `(${decimals})` : ''
  const other = (sql: string): ColumnType => ({ sql, kind: 'other' })
  // They sort by their numbers, which an answer does not hold.
  if ((flags & (enumFlag | setFlag)) !== 0) {
    return {
      refused: `the column ${name} of type ${flags & enumFlag ? 'ENUM' : 'SET'} (write CAST(… AS CHAR) instead)`,
    }
  }
  // Read as a value by the driver, and as a text by JSON_TABLE.
  if (native.extendedFormat === 'json')
    return { refused: `the column ${name} of type JSON (write CAST(… AS CHAR) instead)` }
  switch (type) {
    case 0:
    case 246:
      return { sql: `decimal(65, ${decimals})`, kind: 'decimal' }
    case 1:
      return other(columnLength === 1 ? 'tinyint(1)' : `tinyint${sign}`)
    case 2:
      return other(`smallint${sign}`)
    case 3:
      return other(`int${sign}`)
    case floatType:
      // FLOAT(M, D) shows its decimals, which are as many as it has.
      return { sql: decimals <= 30 ? `float(255, ${decimals})` : 'float', kind: 'double', isFloat: true }
    case 5:
      return { sql: 'double', kind: 'double' }
    case 6:
      return other('char(1)')
    case 7:
      return { ...other(`datetime${fraction}`), isMoment: true }
    case 12:
      return other(`datetime${fraction}`)
    case 8:
      return other(`bigint${sign}`)
    case 9:
      return other(`mediumint${sign}`)
    case 10:
      return other('date')
    case 11:
      return other(`time${fraction}`)
    case yearType:
      return other('year')
    case 15:
    case 249:
    case 250:
    case 251:
    case 252:
    case 253:
    case 254:
      return textType(columnLength, characterSet)
    default:
      return { refused: `the column ${name} of the type number ${type}, which JSON cannot hold` }
  }
}

function textType(length: number, characterSet: number): ColumnType {
  if (characterSet === binary) return { sql: longText, kind: 'bytes' }
  // As short as can be: what does not fit in memory with all its empty space is grouped on the disk, which takes ten times as long.
  const characters = isFourBytes(characterSet) ? Math.ceil(length / 4) : length
  return { sql: length > 0 && characters <= longestVarchar ? `varchar(${characters})` : longText, kind: 'text' }
}

function collated(collation: string | undefined): string {
  if (collation === undefined || !/^\w+$/.test(collation) || collation === 'binary') return ''
  return ` character set ${collation.split('_')[0]} collate ${collation}`
}

/** An answer's fields tell the character set of the connection and not the column's. */
async function collationsOf({ plan, params, ask }: RelationContext): Promise<readonly (string | undefined)[]> {
  const listed = plan.columns.map((column) => `collation(z.${column})`).join(', ')
  const { rows } = await ask({
    sql: `select ${listed} from (select 1 as one) as o left join (${plan.shard.sql} limit 0) as z on 1 = 1`,
    params: valuesOf(plan.shard, params),
    rowMode: 'raw',
  })
  return (rows[0] ?? []) as readonly string[]
}

function jsonText(rows: readonly (readonly unknown[])[]): string {
  return JSON.stringify(rows, (_key, value: unknown) => {
    // What JSON.stringify makes of a buffer before it asks.
    if (typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer')
      return Buffer.from((value as unknown as { data: number[] }).data).toString('hex')
    return value
  })
}
