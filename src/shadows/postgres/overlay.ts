import { writtenColumns, type ForeignKey } from '../shadow-table.ts'
import { copySql, equal, isAmong, isShown } from './copies.ts'
import { promptKeys, promptKeysFunction } from './deferral.ts'
import { copying, functionOf, hiding, names, quote, rowByRow, schemas, states, text, within } from './names.ts'
import { recordTable } from './shadow-record.ts'
import type { PostgresFacts, PostgresTable, UniqueKey } from './postgres-table.ts'

/** What reads find under a table's name. A table that nothing was changed in is the base's own, whose joins run there. */
export function viewSql(table: PostgresFacts, isAwake: boolean): string {
  const base = within('base', table)
  const { declared, own = [] } = table
  // The base's rows alone are looked for among those that are hidden: this keeps conditions, order and limits where the rows are. Not by
  // NOT EXISTS, for which the engine likes to read all that are hidden before it shows the first row; nor by IS NULL, for which it expects
  // next to no rows.
  const has = (schema: 'original' | 'local'): string =>
    `(SELECT true FROM ${within(schema, table)} AS o WHERE ${equal('o', table.primaryKey, 'p', table.primaryKey)})`
  const source = isAwake
    ? `${within('merged', table)} AS p WHERE p.tableoid <> ${text(base)}::regclass ` +
      `OR NOT coalesce(${has('original')}, ${has('local')}, false)`
    : base
  // The foreign table has no column that the base lacks, and so neither has what it shares with the local one. The local row is looked up by
  // its place, for its key can be there twice.
  const shown = own.map((column) => {
    const { name, type, collation, fill } = column
    const local = `(SELECT o.${quote(name)} FROM ${within('local', table)} AS o WHERE o.ctid = p.ctid)`
    const value = isAwake ? `CASE WHEN p.tableoid = ${text(base)}::regclass THEN ${fill} ELSE ${local} END` : fill
    return `CAST(${value} AS ${type})${collation === null ? '' : ` COLLATE ${collation}`} AS ${quote(name)}`
  })
  const columns = [names(declared.map(({ name }) => name)), ...shown].join(', ')
  return `CREATE OR REPLACE VIEW ${table.shown} AS SELECT ${columns} FROM ${source}`
}

/** Functions that all tables share. */
export function commonFunctions(): readonly string[] {
  return [
    triggerFunction(`${schemas.merged}.check_awake`, [
      `IF to_regclass(TG_ARGV[1]) IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = '${states.asleep}', DETAIL = TG_ARGV[0],
          MESSAGE = format('%s is read from the base alone so far', TG_ARGV[0]);
      END IF; RETURN NULL;`,
    ]),
    triggerFunction(`${schemas.merged}.guard`, [
      `RAISE EXCEPTION USING ERRCODE = '${states.refusal}',
        MESSAGE = format('%s is shown as the base has it, and a foreign key would change its rows', TG_ARGV[0]);`,
    ]),
    triggerFunction(`${schemas.merged}.refuse_change`, [
      `RAISE EXCEPTION USING ERRCODE = '${states.refusal}', MESSAGE = format('%s is changed by statements of their own, '
        'not by functions, triggers or prepared statements', TG_ARGV[0]);`,
    ]),
    promptKeysFunction(),
    `CREATE FUNCTION ${schemas.merged}.wake(asked text) RETURNS void LANGUAGE plpgsql AS $f$ DECLARE kept record; BEGIN
      PERFORM pg_advisory_xact_lock(hashtext('signalbox wakes ' || asked));
      SELECT awake, mark INTO kept FROM ${recordTable} AS t WHERE t.name = asked;
      IF EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = kept.mark[1] AND c.relname = kept.mark[2]) THEN
        EXECUTE kept.awake;
        EXECUTE format('DROP VIEW IF EXISTS %I.%I', kept.mark[1], kept.mark[2]);
      END IF;
    END $f$`,
  ]
}

/** What lets a change of local rows come to what it would come to in the base. */
export function tableTriggers(table: PostgresTable, kept: ReadonlyMap<string, PostgresTable>): readonly string[] {
  const { stored, shown } = table
  const parents = parentsOf(table, kept)
  if (table.storage === 'replace') return parentTrigger(table, parents, kept)
  return [
    ...copyFunction(table, kept),
    `CREATE TRIGGER copied AFTER INSERT ON ${within('original', table)} REFERENCING NEW TABLE AS copied
      FOR EACH STATEMENT EXECUTE FUNCTION ${functionOf('copied', table)}()`,
    ...parentTrigger(table, parents, kept),
    ...collisionRemedy(table),
    ...(table.storage === 'augment'
      ? [
          `CREATE TRIGGER awake BEFORE INSERT ON ${stored}
            EXECUTE FUNCTION ${schemas.merged}.check_awake(${text(table.name)}, ${text(within('asleep', table))})`,
          ...childTrigger(table, [...kept.values()]),
          ...collisionTriggers(table),
          `CREATE TRIGGER refuse_change INSTEAD OF INSERT OR UPDATE OR DELETE ON ${shown}
            FOR EACH ROW EXECUTE FUNCTION ${schemas.merged}.refuse_change(${text(table.name)})`,
        ]
      : [
          `CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON ${stored}
            FOR EACH ROW EXECUTE FUNCTION ${schemas.merged}.guard(${text(table.name)})`,
        ]),
  ]
}

function triggerFunction(name: string, body: readonly string[], declarations = ''): string {
  return `CREATE OR REPLACE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $signalbox$ ${declarations}
    BEGIN ${body.join('\n')} END $signalbox$`
}

interface Parent {
  readonly key: ForeignKey
  readonly parent: PostgresTable
}

/** That the base alone can have the row that `row` refers to. */
function isElsewhere({ key, parent }: Parent, row: string): string {
  const referred = (schema: 'local' | 'original'): string =>
    `NOT EXISTS (SELECT FROM ${within(schema, parent)} AS x WHERE ${equal('x', key.referenced, row, key.columns)})`
  return `${key.columns.map((column) => `${row}.${quote(column)} IS NOT NULL`).join(' AND ')} AND ${referred('local')} AND ${referred('original')}`
}

function parentsOf(table: PostgresTable, kept: ReadonlyMap<string, PostgresTable>): readonly Parent[] {
  return table.foreignKeys.flatMap((key) => {
    const parent = kept.get(key.table)
    return parent === undefined ? [] : [{ key, parent }]
  })
}

/** Makes local rows of new originals, and before them of the rows that these refer to: all at once. `kept`: tables that are laid over, by name. */
export function copyFunction(table: PostgresTable, kept: ReadonlyMap<string, PostgresTable>): readonly string[] {
  const columns = writtenColumns(table).map(({ name }) => name)
  const copies = parentsOf(table, kept).map((each) => {
    const missing = `SELECT ${names(each.key.columns, 'c.')} FROM copied AS c WHERE ${isElsewhere(each, 'c')}`
    return `${copySql(each.parent, isAmong(each.key.referenced, missing))};`
  })
  const insert =
    `INSERT INTO ${within('local', table)} (${names(columns)}) OVERRIDING SYSTEM VALUE ` +
    `SELECT ${names(columns, 'c.')} FROM copied AS c;`
  const from = tablesFrom(table, kept)
  const hasKeys = [...from].some(({ foreignConstraints }) => foreignConstraints.length > 0)
  const isOutermost = `current_setting('${copying}', true) IS DISTINCT FROM 'on'`
  // A copy may refer to one that is being made: the keys are looked at when all are there.
  const [before, after] = hasKeys
    ? [
        `IF ${isOutermost} THEN PERFORM set_config('${copying}', 'on', true); prompt := ${promptKeys(from)};
          IF prompt <> '' THEN EXECUTE 'SET CONSTRAINTS ' || prompt || ' DEFERRED'; END IF; END IF;`,
        `IF prompt IS NOT NULL THEN PERFORM set_config('${copying}', 'off', true);
          IF prompt <> '' THEN EXECUTE 'SET CONSTRAINTS ' || prompt || ' IMMEDIATE'; END IF; END IF;`,
      ]
    : ['', '']
  const body = [
    `IF NOT EXISTS (SELECT FROM copied) OR current_setting('${hiding}', true) = 'on' THEN RETURN NULL; END IF;`,
    before,
    ...copies,
    // A value that a row got here may be one that a row of the base has got meanwhile: both are shown, and cannot both be local rows.
    `BEGIN ${insert} EXCEPTION WHEN unique_violation THEN
      GET STACKED DIAGNOSTICS reason = PG_EXCEPTION_DETAIL;
      RAISE EXCEPTION USING ERRCODE = '${states.taken}', MESSAGE = format('A row of the base that would be copied has a value that a row '
        'of %s was given here before (%s). Give that one another value first. Nothing was changed', ${text(table.name)}, rtrim(reason, '.'));
    END;`,
    after,
    'RETURN NULL;',
  ]
  return [triggerFunction(functionOf('copied', table), body, 'DECLARE prompt text; reason text;')]
}

/** A table, and all that its rows may refer to in the end. */
function tablesFrom(table: PostgresTable, kept: ReadonlyMap<string, PostgresTable>): ReadonlySet<PostgresTable> {
  const found = new Set([table])
  for (const { foreignKeys } of found)
    for (const { table: name } of foreignKeys) {
      const parent = kept.get(name)
      if (parent !== undefined) found.add(parent)
    }
  return found
}

/** Rows of the base that a row is about to refer to. */
function parentTrigger(
  table: PostgresTable,
  parents: readonly Parent[],
  kept: ReadonlyMap<string, PostgresTable>,
): readonly string[] {
  if (parents.length === 0) return []
  // A row of the same table that is copied meanwhile is none that an ON CONFLICT may change.
  const needs = ({ key, parent }: Parent): string =>
    `IF current_setting('${rowByRow}', true) = 'on' THEN found := (SELECT jsonb_agg(${keyAsJson(parent)}) FROM ${within('base', parent)} AS b ` +
    `WHERE ${equal('b', key.referenced, 'NEW', key.columns)} AND ${isShown(parent, 'b')}); ${reportSql(parent)} END IF;`
  const body = parents.map(
    (each) =>
      `IF ${isElsewhere(each, 'NEW')} THEN ${tablesFrom(each.parent, kept).has(table) ? needs(each) : ''}
        ${copySql(each.parent, equal('b', each.key.referenced, 'NEW', each.key.columns))}; END IF;`,
  )
  const columns = [...new Set(parents.flatMap(({ key }) => key.columns))]
  const own = functionOf('parents', table)
  return [
    triggerFunction(own, [...body, 'RETURN NEW;'], 'DECLARE found jsonb;'),
    `CREATE TRIGGER parents BEFORE INSERT OR UPDATE OF ${names(columns)} ON ${table.stored}
      FOR EACH ROW EXECUTE FUNCTION ${own}()`,
  ]
}

/** Rows of the base that refer to a row which is about to go, or to get another key: the engine does with them what their key says. */
function childTrigger(table: PostgresTable, kept: readonly PostgresTable[]): readonly string[] {
  const children = kept
    .filter(({ storage }) => storage !== 'replace')
    .flatMap((child) => child.foreignKeys.filter((key) => key.table === table.name).map((key) => ({ child, key })))
  if (children.length === 0) return []
  const body = children.map(({ child, key }) => {
    const changed = key.referenced.map((name) => `NEW.${quote(name)} IS DISTINCT FROM OLD.${quote(name)}`).join(' OR ')
    // Only a key of the base can have been referred to there, and whoever has a key of the base has an original.
    const known = `EXISTS (SELECT FROM ${within('original', table)} AS o WHERE ${equal('o', key.referenced, 'OLD', key.referenced)})`
    return (
      `IF ${known} THEN IF TG_OP = 'DELETE' OR (${changed}) THEN ` +
      `${copySql(child, equal('b', key.columns, 'OLD', key.referenced))}; END IF; END IF;`
    )
  })
  const columns = [...new Set(children.flatMap(({ key }) => key.referenced))]
  const own = functionOf('children', table)
  return [
    triggerFunction(own, [...body, `IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW;`]),
    `CREATE TRIGGER children BEFORE DELETE OR UPDATE OF ${names(columns)} ON ${table.stored}
      FOR EACH ROW EXECUTE FUNCTION ${own}()`,
  ]
}

/**
 * Finds rows of the base whose keys new or changed rows have got. They cannot be copied here: a row that the running statement has made
 * is none that its ON CONFLICT may change. So the statement fails, they are copied, and it runs once more.
 */
function collisionTriggers(table: PostgresTable): readonly string[] {
  const body = (changed: string, former?: string): readonly string[] =>
    table.keys.flatMap((key) => [`found := (${collisionQuery(table, key, changed, former)});`, reportSql(table)])
  const own = functionOf('by_row', table)
  const byRow = [
    triggerFunction(
      own,
      [
        `IF current_setting('${rowByRow}', true) = 'on' THEN`,
        `IF TG_OP = 'INSERT' THEN ${body(oneRow(table, 'NEW')).join('\n')} ELSE ${body(oneRow(table, 'NEW'), oneRow(table, 'OLD')).join('\n')} END IF;`,
        'END IF; RETURN NEW;',
      ],
      'DECLARE found jsonb;',
    ),
    `CREATE TRIGGER by_row BEFORE INSERT OR UPDATE ON ${table.stored}
      FOR EACH ROW EXECUTE FUNCTION ${own}()`,
  ]
  const trigger = (verb: 'insert' | 'update', referencing: string): readonly string[] => {
    const name = functionOf(`${verb}s`, table)
    return [
      triggerFunction(
        name,
        [...body('changed', verb === 'update' ? 'former' : undefined), 'RETURN NULL;'],
        'DECLARE found jsonb;',
      ),
      `CREATE TRIGGER collision_${verb} AFTER ${verb.toUpperCase()} ON ${table.stored} REFERENCING ${referencing}
        FOR EACH STATEMENT EXECUTE FUNCTION ${name}()`,
    ]
  }
  return [
    ...byRow,
    ...trigger('insert', 'NEW TABLE AS changed'),
    ...trigger('update', 'NEW TABLE AS changed OLD TABLE AS former'),
  ]
}

/** Asks for copies of the rows that were found. */
function reportSql(table: PostgresTable): string {
  return `IF found IS NOT NULL THEN
      RAISE EXCEPTION USING ERRCODE = '${states.collision}', MESSAGE = 'rows of the base are needed',
        DETAIL = jsonb_build_object('remedy', ${text(functionOf('collided', table))}, 'keys', found)::text;
    END IF;`
}

function keyAsJson({ primaryKey }: PostgresTable): string {
  return `jsonb_build_object(${primaryKey.map(({ name }) => `${text(name)}, b.${quote(name)}`).join(', ')})`
}

/** What is calculated is not there yet when the trigger of one row runs. */
function oneRow({ declared }: PostgresTable, row: 'NEW' | 'OLD'): string {
  if (!declared.some(({ isGenerated }) => isGenerated)) return `(SELECT ${row}.*) AS given`
  const columns = declared.map(({ name, type, isGenerated, preset }) =>
    isGenerated ? `CAST(${preset ?? 'NULL'} AS ${type}) AS ${quote(name)}` : `plain.${quote(name)}`,
  )
  return `(SELECT ${columns.join(', ')} FROM (SELECT ${row}.*) AS plain) AS given`
}

/** The rows of one table without those that the other one has, too, each as often as there. */
function unmatched(one: string, other: string): string {
  return `(SELECT r.* FROM (SELECT t.*, t::text AS signalbox_text, row_number() OVER (PARTITION BY t::text) AS signalbox_place FROM ${one} AS t) AS r
    LEFT JOIN (SELECT t::text AS signalbox_text, count(*) AS n FROM ${other} AS t GROUP BY t::text) AS o USING (signalbox_text)
    WHERE r.signalbox_place > coalesce(o.n, 0))`
}

/** The primary keys of the base's rows that are shown and have a key which a changed row has got, as JSON. */
function collisionQuery(
  table: PostgresTable,
  { expressions, predicate }: UniqueKey,
  changed: string,
  former?: string,
): string {
  // The trigger of one row runs before it is there.
  const isOneRow = changed !== 'changed'
  const columns = expressions.map((_, place) => `signalbox_k${place + 1}`)
  const keyed = (source: string): string =>
    `SELECT ${expressions.map((sql, place) => `(${sql}) AS ${columns[place] ?? ''}`).join(', ')} FROM ${source}` +
    (predicate === null ? '' : ` WHERE ${predicate}`)
  const known = `SELECT FROM (${keyed(within('original', table))}) AS o WHERE ${equal('o', columns, 'c', columns)}`
  // What foreign keys change within a statement, they change behind it, and in the same tables: rows that were there in between are left out.
  const isFollowed = !isOneRow && former !== undefined && table.foreignKeys.length > 0
  const now = isFollowed ? `${unmatched(changed, former)} AS changed` : changed
  const before = isFollowed ? `${unmatched(former, changed)} AS former` : former
  const fresh = `${keyed(now)}${before === undefined ? '' : ` EXCEPT ${keyed(before)}`}`
  const base =
    `SELECT *, ${expressions.map((sql, place) => `(${sql}) AS ${columns[place] ?? ''}`).join(', ')} ` +
    `FROM ${within('base', table)}${predicate === null ? '' : ` WHERE ${predicate}`}`
  const same = (one: string, other: string): string => equal(one, table.primaryKey, other, table.primaryKey)
  // A row that was added here before, and then in the base, too, is the one that is shown; also if this statement changes it.
  const notOverlaid =
    `NOT EXISTS (SELECT FROM ${within('local', table)} AS l WHERE ${same('l', 'b')} ` +
    `AND ${isOneRow ? 'true' : `NOT EXISTS (SELECT FROM ${changed} WHERE ${same('changed', 'l')})`})` +
    (isOneRow || before === undefined ? '' : ` AND NOT EXISTS (SELECT FROM ${before} WHERE ${same('former', 'b')})`)
  return (
    `WITH open AS MATERIALIZED (SELECT ${names(columns, 'c.')} FROM (${fresh}) AS c WHERE NOT EXISTS (${known})) ` +
    `SELECT jsonb_agg(${keyAsJson(table)}) FROM (${base}) AS b ` +
    `WHERE ${isAmong(columns, `SELECT ${names(columns, 'open.')} FROM open`)} AND ${isShown(table, 'b')} AND ${notOverlaid}`
  )
}

/** Copies the rows that a collision named. Numbers go on above the base's, which may have got some since. */
function collisionRemedy(table: PostgresTable): readonly string[] {
  const given = `SELECT ${names(table.primaryKey, 'g.')} FROM jsonb_populate_recordset(NULL::${within('original', table)}, keys) AS g`
  const numbers = table.numbers
    .filter(({ counts }) => counts)
    .map(
      ({ column, sequence }) =>
        `highest := (SELECT max(b.${quote(column)}) FROM ${within('base', table)} AS b);
        number := ${sequence === null ? `pg_get_serial_sequence(${text(within('local', table))}, ${text(column)})` : text(sequence)};
        EXECUTE format('SELECT setval(%1$L, $1) FROM %1$s WHERE last_value < $1', number) USING highest;`,
    )
  return [
    `CREATE FUNCTION ${functionOf('collided', table)}(keys jsonb) RETURNS void LANGUAGE plpgsql AS $signalbox$
    DECLARE highest bigint; number text; BEGIN ${copySql(table, isAmong(table.primaryKey, given))}; ${numbers.join('\n')} END $signalbox$`,
  ]
}
