import { access, constants } from 'node:fs/promises'
import type { Database, Role, Scope, TableName } from '../index.ts'

/** What a server says of itself. */
export interface ServerFacts {
  readonly product: string
  readonly version: string
  readonly role: Role
  readonly writable: boolean
  readonly maxConnections: number | null
  /** Equal for two databases exactly if they are on one server. */
  readonly serverId: string
  /** Equal for two databases exactly if they are the same tables. */
  readonly dataId: string
}

export interface FoundTable extends TableName {
  readonly isView: boolean
}

/** A column of a table or view. */
export interface FoundColumn {
  readonly schema?: string | undefined
  readonly table: string
  readonly name: string
  /** As the engine writes it. */
  readonly type: string
}

/** Asks for the facts, the tables and their columns of a database of one engine. */
interface Questions {
  facts(scope: Scope, database: Database): Promise<ServerFacts>
  tables(scope: Scope, database: Database): Promise<readonly FoundTable[]>
  /** Of each table in their order. */
  columns(scope: Scope, database: Database): Promise<readonly FoundColumn[]>
}

/** Functions that the statements below call, so that no catalogue of functions has to be read for them. */
export const calledFunctions: readonly string[] = [
  'current_database',
  'count',
  'current_setting',
  'database',
  'format_type',
  'pg_control_system',
  'pg_is_in_recovery',
  'pg_partition_tree',
  'pg_postmaster_start_time',
  'pg_total_relation_size',
  'sqlite_version',
  'sum',
  'to_regclass',
  'version',
]

const postgres: Questions = {
  async facts(scope, database) {
    const { rows } = await scope.query<{
      version: string
      recovering: boolean
      read_only: string
      max_connections: string
      started: string
      port: string
      name: string
    }>(
      `select current_setting('server_version') as version, pg_is_in_recovery() as recovering,
        current_setting('default_transaction_read_only') as read_only,
        current_setting('max_connections') as max_connections, current_setting('port') as port,
        cast(pg_postmaster_start_time() as text) as started, current_database() as name`,
    )
    const row = only(rows)
    // Two servers that started in the same microsecond on the same port do not exist for one client.
    const serverId = `postgres ${row.port} ${row.started}`
    return {
      product: 'PostgreSQL',
      version: row.version,
      role: row.recovering ? 'replica' : 'primary',
      // Where nothing is to be written, the setting is the client's own and says nothing of the server.
      writable: !row.recovering && (row.read_only !== 'on' || database.noWrites !== undefined),
      maxConnections: Number(row.max_connections),
      serverId,
      dataId: `${serverId} ${row.name}`,
    }
  },
  async tables(scope) {
    // Neither the server's own tables, nor partitions (their parent stands for them), nor tables of extensions.
    const { rows } = await scope.query<{ schema: string; name: string; is_view: boolean }>(
      `select n.nspname as schema, c.relname as name, c.relkind in ('v', 'm') as is_view
        from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'f', 'v', 'm') and not c.relispartition
          and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'
          and not exists (select 1 from pg_catalog.pg_depend d join pg_catalog.pg_class k on k.oid = d.classid
            where k.relname = 'pg_class' and d.objid = c.oid and d.deptype = 'e')
        order by 1, 2`,
    )
    return rows.map(({ schema, name, is_view }) => ({ schema, name, isView: is_view }))
  },
  async columns(scope) {
    const { rows } = await scope.query<FoundColumn>(
      `select n.nspname as schema, c.relname as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as type
        from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
          join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'f', 'v', 'm') and not c.relispartition
          and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'
        order by a.attrelid, a.attnum`,
    )
    return rows
  },
}

const mysql: Questions = {
  async facts(scope, database) {
    const { rows } = await scope.query<Record<string, string | number | null>>(
      `select version() as version, @@read_only as read_only, @@max_connections as max_connections,
        @@hostname as hostname, @@port as port, @@server_id as server_id, @@datadir as datadir, database() as name`,
    )
    const row = only(rows)
    const version = String(row['version'])
    const isMariadb = /mariadb/i.test(version)
    const readOnly = !['0', 'OFF'].includes(String(row['read_only']))
    const serverId = `mysql ${row['hostname']}:${row['port']} ${row['server_id']} ${row['datadir']}`
    return {
      product: isMariadb ? 'MariaDB' : 'MySQL',
      version: version.replace(/-mariadb.*/i, ''),
      role: readOnly ? 'replica' : 'primary',
      writable: !readOnly,
      maxConnections: Number(row['max_connections']),
      serverId,
      dataId: `${serverId} ${database.schema ?? row['name']}`,
    }
  },
  async tables(scope, database) {
    const sql = `select table_name as name, table_type as type from information_schema.tables where table_schema = `
    const { rows } =
      database.schema === undefined
        ? await scope.query<{ name: string; type: string }>(`${sql}database() order by 1`)
        : await scope.query<{ name: string; type: string }>(`${sql}? order by 1`, [database.schema])
    return rows.map(({ name, type }) => ({ name, isView: type.includes('VIEW') }))
  },
  async columns(scope, database) {
    const [which, params] = database.schema === undefined ? ['database()', []] : ['?', [database.schema]]
    const { rows } = await scope.query<FoundColumn>(
      `select table_name as \`table\`, column_name as name, column_type as type from information_schema.columns
        where table_schema = ${which} order by table_name, ordinal_position`,
      params,
    )
    return rows
  },
}

const sqlite: Questions = {
  async facts(scope, database) {
    const { rows } = await scope.query<{ version: string; file: string | null }>(
      `select sqlite_version() as version, file from pragma_database_list where name = 'main'`,
    )
    const { version, file } = only(rows)
    const isFile = file !== null && file !== ''
    const id = `sqlite ${isFile ? file : `memory ${database.alias}`}`
    return {
      product: 'SQLite',
      version,
      role: 'primary',
      writable: !isFile || (await isWritable(file)),
      maxConnections: null,
      serverId: id,
      dataId: id,
    }
  },
  async tables(scope) {
    const { rows } = await scope.query<{ name: string; type: string }>(
      `select name, type from pragma_table_list
        where schema = 'main' and type in ('table', 'virtual', 'view') and name not like 'sqlite\\_%' escape '\\'
        order by name`,
    )
    return rows.map(({ name, type }) => ({ name, isView: type === 'view' }))
  },
  async columns(scope) {
    const { rows } = await scope.query<FoundColumn>(
      `select t.name as "table", c.name as name, c.type as type from pragma_table_list t, pragma_table_xinfo(t.name) c
        where t.schema = 'main' and t.name not like 'sqlite\\_%' escape '\\' and c.hidden <> 1
        order by t.name, c.cid`,
    )
    return rows
  },
}

/** The questions of every engine. */
export const questions: Readonly<Record<Database['engine'], Questions>> = { postgres, mysql, sqlite }

function only<T>(rows: readonly T[]): T {
  const [row] = rows
  if (row === undefined) throw new Error('The server answered a question about itself without a row.')
  return row
}

async function isWritable(file: string): Promise<boolean> {
  try {
    await access(file, constants.W_OK)
    return true
  } catch {
    return false
  }
}
