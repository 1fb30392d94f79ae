import { quotedName, quotedTable } from '../../statement/quotes.ts'
import { TextWithValues, type Column, type RowMover, type Send } from './row-texts.ts'

/** Where the row is, and the settings that it was found under. */
export interface PostgresRow {
  readonly ctid: string
  readonly tableoid: string
  readonly settings: readonly unknown[]
}

/**
 * The settings under which the text of a value is exact, and means the same to every server. They are local to the transaction, and put back: what the caller
 * gives is to be read under those of the server.
 */
const exact = { datestyle: 'ISO, MDY', intervalstyle: 'iso_8601', extra_float_digits: '3' }
const names = Object.keys(exact)

/** Values travel as the texts that the server itself writes and reads: their parameters have no types but those of their columns. */
export const postgresRows: RowMover<PostgresRow> = {
  async columns(send, table) {
    const { rows } = await send(
      `select a.attname::text, format_type(a.atttypid, a.atttypmod), to_jsonb(a)->>'attgenerated'
        from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
        where c.oid = to_regclass($1) and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped order by a.attnum`,
      [quotedTable('postgres', table)],
    )
    return (rows as readonly (readonly [string, string, string | null])[]).map(([name, type, generated]): Column => ({
      name,
      type,
      generated: (generated ?? '') !== '',
    }))
  },

  async lock(send, table, key) {
    const text = new TextWithValues('postgres')
    const settings = names.map((name) => `current_setting('${name}')`).join(', ')
    const { rows } = await send(
      `select ctid::text, tableoid::text, ${settings} from ${quotedTable('postgres', table)} where ${text.condition(key)} for update`,
      text.params,
      'write',
    )
    return (rows as readonly (readonly [string, string, ...unknown[]])[]).map(([ctid, tableoid, ...rest]) => ({
      ctid,
      tableoid,
      settings: rest,
    }))
  },

  async read(send, table, columns, row) {
    await setAll(send, Object.values(exact))
    const items = columns.map(({ name, type }) =>
      // The text of money hangs on the language of the server.
      type === 'money' ? `${quotedName('postgres', name)}::numeric::text` : `${quotedName('postgres', name)}::text`,
    )
    const { rows } = await send(
      `select ${items.join(', ')} from ${quotedTable('postgres', table)} where ${found}`,
      where(row),
      'write',
    )
    await setAll(send, row.settings)
    return rows[0] ?? []
  },

  async insert(send, table, columns, values, set) {
    const text = new TextWithValues('postgres')
    const marks = columns.map(({ type }, index) =>
      type === 'money' ? `${text.value(values[index])}::numeric::money` : text.value(values[index]),
    )
    const listed = [...columns, ...set.keys()].map(({ name }) => quotedName('postgres', name))
    const all = [...marks, ...[...set.values()].map((value) => text.value(value))]
    const { rowCount } = await send(
      `insert into ${quotedTable('postgres', table)} (${listed.join(', ')}) overriding system value values (${all.join(', ')})`,
      text.params,
      'write',
    )
    return rowCount
  },

  async remove(send, table, row) {
    return (await send(`delete from ${quotedTable('postgres', table)} where ${found}`, where(row), 'write')).rowCount
  },

  async dependants(send, table, row) {
    const { rows } = await send(
      `select c.conrelid::regclass::text, ${columnsOf('con')}, ${columnsOf('conf')} from pg_catalog.pg_constraint c
        where c.contype = 'f' and c.confrelid = to_regclass($1) and c.confdeltype in ('c', 'n', 'd') order by 1`,
      [quotedTable('postgres', table)],
    )
    const found: string[] = []
    for (const [child, own, other] of rows as readonly (readonly [string, string, string])[]) {
      const [columns, referenced] = [JSON.parse(own) as string[], JSON.parse(other) as string[]]
      const same = columns.map(
        (column, index) => `c.${quotedName('postgres', column)} = p.${quotedName('postgres', referenced[index]!)}`,
      )
      const there = await send(
        `select 1 from ${child} c join ${quotedTable('postgres', table)} p on ${same.join(' and ')}
          where p.ctid = $1::tid and p.tableoid = $2::oid and (c.ctid, c.tableoid) <> (p.ctid, p.tableoid) limit 1`,
        where(row),
        'write',
      )
      if (there.rows.length > 0) found.push(child)
    }
    return found
  },

  async collides(send, table, changed) {
    const { rows } = await send(
      `select 1 from pg_catalog.pg_index i where i.indrelid = to_regclass($1) and i.indisunique and not exists (
        select 1 from pg_catalog.pg_attribute a
        where a.attrelid = i.indrelid and a.attnum = any (i.indkey::smallint[]) and a.attname = any ($2::text[])) limit 1`,
      [quotedTable('postgres', table), changed],
    )
    return rows.length > 0
  },
}

const found = 'ctid = $1::tid and tableoid = $2::oid'

function where({ ctid, tableoid }: PostgresRow): readonly unknown[] {
  return [ctid, tableoid]
}

async function setAll(send: Send, values: readonly unknown[]): Promise<void> {
  const items = names.map((name, index) => `set_config('${name}', $${index + 1}, true)`)
  await send(`select ${items.join(', ')}`, values, 'write')
}

/** The columns of a foreign key, in its order. */
function columnsOf(side: 'con' | 'conf'): string {
  return `array_to_json(array(select a.attname::text from unnest(c.${side}key) with ordinality as k(number, place)
    join pg_catalog.pg_attribute a on a.attrelid = c.${side}relid and a.attnum = k.number order by k.place))::text`
}
