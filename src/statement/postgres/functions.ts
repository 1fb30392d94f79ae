import { nonVolatileBuiltIns } from './built-ins.ts'

/**
 * Volatile by the catalogue, because each call gives another answer, but harmless: nothing changes, and a replica
 * answers as well as the primary.
 */
const harmlessVolatile = [
  'random',
  'random_normal',
  'array_sample',
  'array_shuffle',
  'gen_random_uuid',
  'uuidv4',
  'uuidv7',
  'clock_timestamp',
  'timeofday',
  'current_query',
  'pg_relation_size',
  'pg_table_size',
  'pg_indexes_size',
  'pg_total_relation_size',
  'pg_database_size',
  'pg_tablespace_size',
  'pg_partition_tree',
  'pg_partition_ancestors',
]

/**
 * Stable by the catalogue, and yet not for any server or connection: they take a transaction number, which a replica
 * cannot give, tell of the server's own log and its replicas, run a query handed over as text or read a table that the
 * statement does not name, or answer from the connection's state.
 */
const notForReplicas: ReadonlySet<string> = new Set([
  'txid_current',
  'pg_current_xact_id',
  'pg_walfile_name',
  'pg_walfile_name_offset',
  'pg_split_walfile_name',
  'pg_get_replication_slots',
  'pg_cursor',
  'pg_prepared_statement',
  'pg_listening_channels',
  'pg_my_temp_schema',
  'table_to_xml',
  'table_to_xml_and_xmlschema',
  'table_to_xmlschema',
  'schema_to_xml',
  'schema_to_xmlschema',
  'schema_to_xml_and_xmlschema',
  'database_to_xml',
  'database_to_xmlschema',
  'database_to_xml_and_xmlschema',
])

/** Functions that PostgreSQL brings along and that a read may call, on whichever server it runs. */
export const postgresSafeFunctions: ReadonlySet<string> = new Set(
  [...nonVolatileBuiltIns, ...harmlessVolatile].filter((name) => !notForReplicas.has(name)),
)
