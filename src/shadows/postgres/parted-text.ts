import type { Analysis } from '../../statement/analysis.ts'
import type { SelectTree } from '../../statement/query-tree/query-tree.ts'
import { readQueryTree } from '../../statement/query-tree/read-query-tree.ts'
import type { Aggregate, Expression, SelectItem } from '../../statement/shape/query-shape.ts'
import { shapeSyntaxes } from '../../statement/shape/shape-syntax.ts'
import { tokenType } from '../../statement/shallow/token-list.ts'
import type { TableName } from '../../topology/pattern-map.ts'
import { names, quote, within } from './names.ts'
import type { PostgresFacts, PostgresTable } from './postgres-table.ts'

/** Keys whose values the base compares as the local server does. */
const sentKeys = /^(?:smallint|integer|bigint|uuid|text)$/
/** Words of conditions that name nothing. */
const words =
  /^(?:and|or|not|is|null|in|between|like|ilike|true|false|distinct|from|case|when|then|else|end|any|all|array)$/
/** What a sum of sums has to be turned into again. */
const sums: Readonly<Record<string, string>> = {
  smallint: '::bigint',
  integer: '::bigint',
  bigint: '',
  numeric: '',
}

/**
 * Aggregates of one augmented table, as aggregates of two: of the base's rows without those that are known here, which are made at
 * the base, and of the local ones. The base is told the keys of the rows to leave out. Over the view, all rows of the base would have to
 * travel. What is not understood to the last word stays as it is. Pure.
 */
export function partedText(
  sql: string,
  analyze: (sql: string) => Analysis,
  tableOf: (use: TableName) => PostgresTable | PostgresFacts | undefined,
): string {
  if (!/\b(?:count|sum|avg|min|max)\s*\(/i.test(sql)) return sql
  // EXPLAIN tells of what runs without it.
  const [explain] = /^\s*explain(?:\s*\([^()]*\)|\s+verbose)?\s+(?=select\b)/i.exec(sql) ?? []
  if (explain !== undefined) return explain + partedText(sql.slice(explain.length), analyze, tableOf)
  const { tables } = analyze(sql)
  const [use] = tables
  const table = use && tableOf(use)
  if (use === undefined || tables.length > 1 || use.spans.length > 1 || table === undefined) return sql
  const [key] = table.primaryKey
  const type = table.declared.find(({ name }) => name === key?.name)?.type ?? ''
  if (!('storage' in table) || table.storage !== 'augment' || table.own !== undefined) return sql
  if (table.primaryKey.length !== 1 || key === undefined || !sentKeys.test(type)) return sql
  const tree = readQueryTree(sql, 'postgres')
  if (tree?.kind !== 'select') return sql
  const reader = new PartReader(sql, tree, table)
  return reader.isUnderstood(use.spans[0]!) ? reader.text(key.name) : sql
}

/** One SELECT that is to be made of parts. */
class PartReader {
  readonly #sql: string
  readonly #tree: SelectTree
  readonly #table: PostgresTable
  /** Columns of the parts, as SQL. */
  readonly #columns: string[] = []

  constructor(sql: string, tree: SelectTree, table: PostgresTable) {
    this.#sql = sql
    this.#tree = tree
    this.#table = table
  }

  isUnderstood(named: { readonly start: number; readonly end: number }): boolean {
    const { shape, from, groups } = this.#tree
    const { items, source, where, having, orderBy } = shape
    if (shape.obstacles.length > 0 || shape.with !== undefined || shape.distinct !== 'none') return false
    if (source === undefined || from.length !== 1 || from[0]?.source.kind !== 'table' || from[0].columns) return false
    const isBase = (column: string): boolean => this.#table.declared.some(({ name }) => name === column)
    const isKey = (column: string): boolean => column === this.#table.primaryKey[0]?.name
    if (
      !groups.every(
        (group) => group !== undefined && this.#isOwn(group.qualifier) && !isKey(group.column) && isBase(group.column),
      )
    )
      return false
    const behind = this.#sql.slice(named.end, where?.start ?? source.end)
    return (
      /^from\s+$/i.test(this.#sql.slice(source.start, named.start)) &&
      /^(?:\s+(?:as\s+)?(?!where\b)(?:"[^"]+"|[a-z_]\w*))?\s*$/i.test(
        where === undefined ? behind : behind.replace(/\swhere\s*$/i, ''),
      ) &&
      (where === undefined || /\swhere\s*$/i.test(behind)) &&
      (where === undefined || this.#namesColumns(where)) &&
      items.every((item) => this.#isItem(item)) &&
      (having === undefined || this.#isCondition(having.condition)) &&
      (orderBy?.keys ?? []).every(
        (each) => each.ordinal !== undefined || each.name !== undefined || this.#isAggregate(each),
      )
    )
  }

  text(key: string): string {
    const { shape, from, groups } = this.#tree
    const { items, source, where, having, orderBy } = shape
    const all = [...items, ...(having === undefined ? [] : [having.condition]), ...(orderBy?.keys ?? [])]
    const changes = all.flatMap(({ aggregates }) => aggregates.map((each) => ({ ...each.span, by: this.#final(each) })))
    for (const { alias, column, label, span } of items)
      if (alias === undefined && column === undefined && label !== undefined)
        changes.push({ start: span.end, end: span.end, by: ` AS ${quote(label)}` })
    const called = quote(from[0]?.name ?? '')
    const grouped = names(groups.flatMap((group) => group?.column ?? []))
    const columns = [grouped, ...this.#columns].filter((each) => each !== '').join(', ')
    const condition = where === undefined ? [] : [`(${this.#sql.slice(where.start, where.end)})`]
    const known = (['original', 'local'] as const).map(
      (schema) => `SELECT ${quote(key)} FROM ${within(schema, this.#table)}`,
    )
    const unknown = `${called}.${quote(key)} <> ALL (ARRAY(${known.join(' UNION ')}))`
    const part = (rows: string, conditions: readonly string[]): string =>
      `SELECT ${columns} FROM ${rows} AS ${called}${conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`}` +
      (grouped === '' ? '' : ` GROUP BY ${grouped}`)
    const [base, local] = [within('base', this.#table), this.#table.stored]
    const parts = `${part(base, [...condition, unknown])} UNION ALL ${part(local, condition)}`
    changes.push({ ...source!, by: `FROM (${parts}) AS ${called}` })
    return changes
      .toSorted((a, b) => b.start - a.start)
      .reduce((text, { start, end, by }) => text.slice(0, start) + by + text.slice(end), this.#sql)
  }

  #isOwn(qualifier: string | undefined): boolean {
    return qualifier === undefined || qualifier === this.#tree.from[0]?.name
  }

  #isItem(item: SelectItem): boolean {
    if (item.star || item.hasUnclearLabel || item.hasSubquery) return false
    if (item.aggregates.length > 0) return this.#isAggregate(item)
    return item.column !== undefined && this.#tree.groups.some((group) => group?.column === item.column)
  }

  /** One aggregate, perhaps with a cast. */
  #isAggregate({ aggregates, span }: Expression): boolean {
    const [only, ...more] = aggregates
    return (
      only !== undefined &&
      more.length === 0 &&
      this.#isKnown(only) &&
      only.span.start === span.start &&
      /^(?:\s*::\s*\w+)?$/.test(this.#sql.slice(only.span.end, span.end))
    )
  }

  /** Aggregates, numbers and parameters, and what compares them. */
  #isCondition({ aggregates, span, hasSubquery }: Expression): boolean {
    let [rest, from] = ['', span.start]
    for (const each of aggregates) {
      rest += this.#sql.slice(from, each.span.start)
      from = each.span.end
    }
    rest += this.#sql.slice(from, span.end)
    const isPlain = /^(?:[\s\d.<>=!()+*/-]|\$\d+|\b(?:and|or|not|between)\b)*$/i.test(rest)
    return !hasSubquery && isPlain && aggregates.every((each) => this.#isKnown(each))
  }

  /** Whether all names in a part of the text are columns of the base: others may have got columns here that are not known yet. */
  #namesColumns({ start, end }: Aggregate['span']): boolean {
    const tokens = shapeSyntaxes.postgres.lex(this.#sql)
    const known = new Set(this.#table.declared.map(({ name }) => name))
    for (let at = 0; at < tokens.length; at++) {
      const type = tokens.type(at)
      if (tokens.start(at) < start || tokens.end(at) > end) continue
      if (type !== tokenType.word && type !== tokenType.quotedName) continue
      const name = type === tokenType.word ? tokens.unquoted(at).toLowerCase() : tokens.unquoted(at)
      if (type === tokenType.word && (words.test(name) || tokens.word(at + 1) === '(')) continue
      const isQualifier = tokens.word(at + 1) === '.' && name === this.#tree.from[0]?.name
      if (!isQualifier && !known.has(name)) return false
    }
    return true
  }

  #isKnown({ name, star, distinct, args, order, filter }: Aggregate): boolean {
    if (!args.every((each) => this.#namesColumns(each))) return false
    if (distinct || order !== undefined || filter !== undefined) return false
    if (name === 'count') return star || args.length === 1
    if (args.length !== 1) return false
    return (
      name === 'min' || name === 'max' || ((name === 'sum' || name === 'avg') && this.#sumOf(args[0]!) !== undefined)
    )
  }

  /** What follows the sum of a column's sums; `undefined` for what is no column of whole or decimal numbers. */
  #sumOf({ start, end }: Aggregate['span']): string | undefined {
    const argument = /^(?:"?(\w+)"?\s*\.\s*)?(?:"(\w+)"|(\w+))$/.exec(this.#sql.slice(start, end).trim())
    if (argument === null) return undefined
    const [, qualifier, quoted, bare] = argument
    const name = quoted ?? bare?.toLowerCase()
    const isOwn = qualifier === undefined || this.#isOwn(qualifier) || this.#isOwn(qualifier.toLowerCase())
    const type = this.#table.declared.find((column) => column.name === name)?.type.replace(/\(.*$/, '')
    return isOwn && type !== undefined ? sums[type] : undefined
  }

  /** The aggregate of what the parts have come to. */
  #final({ name, args, span }: Aggregate): string {
    const column = (sql: string): string => {
      const place = this.#columns.push('')
      this.#columns[place - 1] = `${sql} AS signalbox_part_${place}`
      return `signalbox_part_${place}`
    }
    const argument = args[0] === undefined ? '*' : this.#sql.slice(args[0].start, args[0].end)
    const whole = this.#sql.slice(span.start, span.end)
    if (name === 'count') return `sum(${column(whole)})::bigint`
    if (name === 'avg')
      return `(sum(${column(`sum(${argument})`)})::numeric / nullif(sum(${column(`count(${argument})`)}), 0))`
    const back = name === 'sum' ? (this.#sumOf(args[0]!) ?? '') : ''
    return `${name}(${column(whole)})${back}`
  }
}
