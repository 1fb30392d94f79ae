import { type Client, connect } from '../../../src/index.ts'
import type { ShadowWorld } from '../model.ts'
import type { Stage } from '../stage.ts'
import { quoted } from '../value.ts'
import { BaseWatch } from './base-watch.ts'
import type { OracleServers } from './servers.ts'

/** `name` tells the local database of one world from others. */
export async function makeStage(servers: OracleServers, world: ShadowWorld, name: string): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  const { base, copy } = servers
  for (const each of [base, copy]) await each.query(fillText(world))
  await copy.query(comparableText(world))
  const local = await servers.localDatabase(name)
  stack.defer(local.drop)
  const watch = new BaseWatch(servers.baseServer, base, world.tables)
  await watch.start()
  const tables = Object.fromEntries(world.tables.map(({ name: table, kind }) => [table, kind]))
  const open = async (): Promise<Client> =>
    await connect({
      databases: { default: 'dev', dev: { shadow: { base: 'shop', local: local.dsn }, tables }, shop: servers.baseDsn },
    })
  const shadow = stack.use(await open())
  const whole = stack.use(await connect(servers.copyDsn))
  await shadow.query('select 1')
  // What the base estimates chooses plans alone, and takes a third of the time.
  if (Number.parseInt(name, 10) % 4 > 0)
    await local.client.query(`alter server signalbox_base options (set use_remote_estimate 'false')`)
  const first = await numbersText(local)
  const kept = stack.move()
  return {
    shadow,
    copy: whole,
    again: async () => kept.use(await open()),
    renew: async () => {
      await shadow.shadow('dev').reset()
      if (first !== '') await local.client.query(first)
      await copy.query(renewText(world))
    },
    faults: async () => await watch.faults(),
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  }
}

/** The tables and rows of a world, of which each row may fail. */
function fillText({ definitions, rows }: ShadowWorld): string {
  const attempts = rows.map((sql) => `begin ${sql}; exception when others then null; end;`)
  return [
    'drop schema if exists kept cascade',
    'drop schema if exists public cascade',
    'create schema public',
    ...definitions,
    `do $do$ begin set constraints all immediate; ${attempts.join('\n')} end $do$`,
  ].join(';\n')
}

/** Makes of a full copy what the shadow promises to show where it differs by design, and keeps that to go back to. */
function comparableText({ tables }: ShadowWorld): string {
  const replaced = tables.filter(({ kind }) => kind === 'replace').map(({ name }) => quoted(name))
  const guarded = tables.filter(({ kind }) => kind === 'base')
  const settable = (table: ShadowWorld['tables'][number]): string =>
    table.columns
      .filter(({ generated }) => !generated)
      .map(({ name }) => quoted(name))
      .join(', ')
  return [
    // New numbers are above those of all rows of the base, whoever gave them.
    ...tables.flatMap(({ name, numbers = [] }) =>
      numbers.map(
        (column) =>
          `select setval(s.name, n.highest) from pg_get_serial_sequence('${quoted(name)}', '${column}') as s (name),
            (select max(${quoted(column)}) as highest from ${quoted(name)}) n, pg_sequences q
          where format('%I.%I', q.schemaname, q.sequencename) = s.name and n.highest >= coalesce(q.last_value, q.start_value)`,
      ),
    ),
    ...(replaced.length === 0 ? [] : [`truncate ${replaced.join(', ')}`]),
    'create schema kept',
    ...tables.map(
      (table) =>
        `create table kept.${quoted(table.name)} as select ${settable(table)} from public.${quoted(table.name)}`,
    ),
    `create table kept."the numbers" as select * from pg_sequences where schemaname = 'public'`,
    // What a foreign key does is refused where it would change the base's rows.
    `create function kept.guard() returns trigger language plpgsql as $$ begin
      raise exception using errcode = 'SBX02',
        message = format('%s is shown as the base has it, and a foreign key would change its rows', tg_table_name); end $$`,
    ...guarded.map(
      ({ name }) =>
        `create trigger guard before update or delete on ${quoted(name)} for each row execute function kept.guard()`,
    ),
  ].join(';\n')
}

/** Puts the kept rows and numbers back, without any trigger. */
function renewText({ tables }: ShadowWorld): string {
  return [
    'set session_replication_role = replica',
    `truncate ${tables.map(({ name }) => quoted(name)).join(', ')}`,
    ...tables.map((table) => {
      const columns = table.columns.filter(({ generated }) => !generated).map(({ name }) => quoted(name))
      return `insert into ${quoted(table.name)} (${columns.join(', ')}) overriding system value select * from kept.${quoted(table.name)}`
    }),
    'reset session_replication_role',
    `select setval(format('%I.%I', schemaname, sequencename)::regclass, coalesce(last_value, start_value), last_value is not null) from kept."the numbers"`,
  ].join(';\n')
}

/** Statements that set the sequences of a shadow to what they are. */
async function numbersText({ client }: Awaited<ReturnType<OracleServers['localDatabase']>>): Promise<string> {
  const { rows } = await client.query<{ sql: string }>(
    `select format('select setval(%L::regclass, %s, %L)', format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value), last_value is not null) as sql
    from pg_sequences where schemaname in ('public', 'signalbox_local')`,
  )
  return rows.map(({ sql }) => sql).join(';\n')
}
