import { describe, expect, test } from 'vitest'
import { FunctionCatalogue } from './function-catalogue.ts'
import { postgresSafeFunctions } from './postgres/functions.ts'

describe('functions that PostgreSQL brings along', () => {
  test.each([
    'now',
    'lower',
    'count',
    'jsonb_build_object',
    'to_tsvector',
    'row_number',
    'generate_series',
    'date_trunc',
  ])('%s is safe', (name) => {
    expect(postgresSafeFunctions.has(name)).toBe(true)
  })
  test.each(['random', 'clock_timestamp', 'gen_random_uuid', 'uuidv7', 'pg_total_relation_size'])(
    '%s is volatile, but harmless',
    (name) => {
      expect(postgresSafeFunctions.has(name)).toBe(true)
    },
  )
  test.each([
    'nextval',
    'setval',
    'currval',
    'set_config',
    'setseed',
    'pg_advisory_lock',
    'pg_advisory_xact_lock',
    'pg_notify',
    'pg_sleep',
    'lo_create',
    'lo_unlink',
    'pg_terminate_backend',
    'pg_reload_conf',
    'pg_switch_wal',
    'pg_promote',
    'txid_current',
    'pg_current_xact_id',
    'pg_export_snapshot',
    'query_to_xml',
    'table_to_xml',
    'ts_stat',
    'ts_rewrite',
    'pg_current_wal_lsn',
    'pg_is_in_recovery',
    'pg_read_file',
    'pg_cursor',
    'no_such_function',
    '',
  ])('%s is not safe', (name) => {
    expect(postgresSafeFunctions.has(name)).toBe(false)
  })
})

describe('a catalogue', () => {
  const catalogue = new FunctionCatalogue([
    { schema: 'public', name: 'twice', volatile: false },
    { schema: 'public', name: 'count_up', volatile: true },
    { schema: 'app', name: 'twice', volatile: false },
    { schema: 'app', name: 'mixed', volatile: false },
    { schema: 'public', name: 'mixed', volatile: true },
    { schema: 'public', name: 'lower', volatile: true },
    { schema: 'public', name: 'pg_sleep', volatile: false },
    { schema: 'public', name: 'operator(<+>)', volatile: true },
  ])
  test.each([
    [{ name: 'twice' }, 'safe'],
    [{ name: 'twice', schema: 'app' }, 'safe'],
    [{ name: 'twice', schema: 'other' }, 'unknown'],
    [{ name: 'count_up' }, 'volatile'],
    [{ name: 'mixed' }, 'volatile'],
    [{ name: 'mixed', schema: 'app' }, 'safe'],
    [{ name: 'mixed', schema: 'public' }, 'volatile'],
    [{ name: 'upper' }, 'safe'],
    [{ name: 'upper', schema: 'pg_catalog' }, 'safe'],
    [{ name: 'upper', schema: 'app' }, 'unknown'],
    [{ name: 'lower' }, 'volatile'],
    [{ name: 'lower', schema: 'pg_catalog' }, 'safe'],
    [{ name: 'nextval' }, 'unknown'],
    [{ name: 'nextval', schema: 'pg_catalog' }, 'unknown'],
    [{ name: 'operator(<+>)' }, 'volatile'],
    [{ name: 'operator(===)' }, 'unknown'],
    [{ name: 'newer' }, 'unknown'],
  ])('%j is %s', (use, safety) => {
    expect(catalogue.isSafe(use)).toBe(safety)
  })

  test('a later row of the same name does not take back that it is volatile', () => {
    const rows = [true, false].map((volatile) => ({ schema: 'public', name: 'f', volatile }))
    expect(new FunctionCatalogue(rows).isSafe({ name: 'f' })).toBe('volatile')
    expect(new FunctionCatalogue(rows.toReversed()).isSafe({ name: 'f' })).toBe('volatile')
  })

  test('without rows it knows what PostgreSQL brings along', () => {
    expect(new FunctionCatalogue().isSafe({ name: 'now' })).toBe('safe')
    expect(new FunctionCatalogue().isSafe({ name: 'twice' })).toBe('unknown')
  })

  test('rows of another shape are refused', () => {
    for (const row of [null, 'f', { name: 'f', volatile: true }, { schema: 'a', name: 'f', volatile: 't' }]) {
      expect(() => new FunctionCatalogue([row])).toThrow(TypeError)
    }
  })
})
