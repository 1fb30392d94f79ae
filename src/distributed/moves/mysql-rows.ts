import { quotedName, quotedTable } from '../../statement/quotes.ts'
import { isMoment, readText, writeText } from './mysql-values.ts'
import type { RowValues } from './row-move.ts'
import { TextWithValues, type Column, type RowMover, type Send } from './row-texts.ts'

/** By what the row is found again: the caller's own key. */
export type MysqlRow = RowValues

/**
 * Values travel as texts, bytes as they are. A timestamp travels as seconds since 1970, and is written where a day has no hour twice; so
 * what the caller gives for one is turned into seconds first, in the time zone of the connection.
 */
export const mysqlRows: RowMover<MysqlRow> = {
  async columns(send, table) {
    const { rows } = await send(
      `select column_name, concat(column_type, ' ', coalesce(collation_name, '')), coalesce(generation_expression, '') <> ''
        from information_schema.columns where table_schema = ${schemaMark} and table_name = ? order by ordinal_position`,
      nameValues(table),
    )
    return (rows as readonly (readonly [string, string, unknown])[]).map(([name, type, generated]): Column => ({
      name,
      type: type.toLowerCase(),
      generated: Number(generated) === 1,
    }))
  },

  async lock(send, table, key) {
    const text = new TextWithValues('mysql')
    const { rows } = await send(
      `select 1 from ${quotedTable('mysql', table)} where ${text.condition(key)} for update`,
      text.params,
      'write',
    )
    return rows.map(() => key)
  },

  async read(send, table, columns, row) {
    const text = new TextWithValues('mysql')
    const items = columns.map(({ name, type }) => readText(quotedName('mysql', name), type))
    // Locked: a plain read would show the state of an earlier one.
    const { rows } = await send(
      `select ${items.join(', ')} from ${quotedTable('mysql', table)} where ${text.condition(row)} for update`,
      text.params,
      'write',
    )
    return rows[0] ?? []
  },

  async insert(send, table, columns, values, set) {
    const given = await inSeconds(send, set)
    const text = new TextWithValues('mysql')
    const marks = [
      ...columns.map(({ type }, index) => writeText(text.value(values[index]), type)),
      ...[...given].map(([{ type }, value]) =>
        isMoment(type) ? writeText(text.value(value), type) : text.value(value),
      ),
    ]
    const listed = [...columns, ...given.keys()].map(({ name }) => quotedName('mysql', name))
    await send(
      "set @signalbox_time_zone = @@time_zone, @signalbox_sql_mode = @@sql_mode, time_zone = '+00:00', sql_mode = concat(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')",
      [],
      'session',
    )
    const { rowCount } = await send(
      `insert into ${quotedTable('mysql', table)} (${listed.join(', ')}) values (${marks.join(', ')})`,
      text.params,
      'write',
    )
    await send('set time_zone = @signalbox_time_zone, sql_mode = @signalbox_sql_mode', [], 'session')
    return rowCount
  },

  async remove(send, table, row) {
    const text = new TextWithValues('mysql')
    const sql = `delete from ${quotedTable('mysql', table)} where ${text.condition(row)}`
    return (await send(sql, text.params, 'write')).rowCount
  },

  async dependants(send, table, row) {
    const { rows } = await send(
      `select k.constraint_name, k.table_schema, k.table_name, k.column_name, k.referenced_column_name
        from information_schema.key_column_usage k join information_schema.referential_constraints r
          on r.constraint_schema = k.constraint_schema and r.constraint_name = k.constraint_name and r.table_name = k.table_name
        where k.referenced_table_schema = ${schemaMark} and k.referenced_table_name = ?
          and r.delete_rule in ('CASCADE', 'SET NULL', 'SET DEFAULT')
        order by k.table_schema, k.table_name, k.constraint_name, k.ordinal_position`,
      nameValues(table),
    )
    const found: string[] = []
    const keys = Map.groupBy(rows as readonly (readonly [string, string, string, string, string])[], (each) =>
      JSON.stringify(each.slice(0, 3)),
    )
    for (const columns of keys.values()) {
      const [, schema = '', name = ''] = columns[0] ?? []
      const child = quotedTable('mysql', { schema, name })
      const same = columns.map(
        ([, , , own, other]) => `c.${quotedName('mysql', own)} = p.${quotedName('mysql', other)}`,
      )
      const text = new TextWithValues('mysql')
      // A share lock shows what others have committed since this transaction began.
      const sql = `select 1 from ${child} c join ${quotedTable('mysql', table)} p on ${same.join(' and ')}
        where ${text.condition(row, 'p.')} limit 1 lock in share mode`
      if ((await send(sql, text.params, 'write')).rows.length > 0) found.push(child)
    }
    return found
  },

  async collides(send, table, changed) {
    const { rows } = await send(
      `select index_name from information_schema.statistics where table_schema = ${schemaMark} and table_name = ? and non_unique = 0
        group by index_name having sum(lower(column_name) in (${changed.map(() => '?').join(', ')})) = 0 limit 1`,
      [...nameValues(table), ...changed.map((name) => name.toLowerCase())],
    )
    return rows.length > 0
  },
}

const schemaMark = 'coalesce(?, database())'

function nameValues({
  schema,
  name,
}: {
  readonly schema?: string | undefined
  readonly name: string
}): readonly unknown[] {
  return [schema ?? null, name]
}

async function inSeconds(send: Send, set: ReadonlyMap<Column, unknown>): Promise<ReadonlyMap<Column, unknown>> {
  const moments = [...set].filter(([{ type }]) => isMoment(type))
  if (moments.length === 0) return set
  const { rows } = await send(
    `select ${moments.map(() => 'cast(unix_timestamp(?) as char)').join(', ')}`,
    moments.map(([, value]) => value),
  )
  const seconds = new Map(moments.map(([column], index) => [column, rows[0]?.[index]]))
  return new Map([...set].map(([column, value]) => [column, seconds.has(column) ? seconds.get(column) : value]))
}
