import type { OptionTable, OptionValues } from './option.ts'

/** Limits and time-outs of the connections to one server, each with its default and range. */
export const poolOptions = {
  maxConnections: {
    default: 10,
    min: 1,
    max: 10_000,
    unit: 'connections',
    about: 'Most connections of their own (transactions, writes, streams, slow statements).',
  },
  connectTimeoutMs: {
    default: 5_000,
    min: 1,
    max: 600_000,
    unit: 'ms',
    about: 'How long opening one connection may take.',
  },
  acquireTimeoutMs: {
    default: 10_000,
    min: 1,
    max: 600_000,
    unit: 'ms',
    about: 'How long a caller waits for a free connection.',
  },
  idleTimeoutMs: {
    default: 10_000,
    min: 0,
    max: 86_400_000,
    unit: 'ms',
    about: 'How long an idle connection is kept; 0 = for ever.',
  },
  statementCacheSize: {
    default: 256,
    min: 0,
    max: 100_000,
    unit: 'statements',
    about: 'Prepared statements kept on each connection; 0 = none, for poolers that cannot take named statements.',
  },
  multiplexConnections: {
    default: 2,
    min: 0,
    max: 64,
    unit: 'connections',
    about: 'PostgreSQL, and MySQL through signalbox/mysql2: connections that short reads share; 0 = off.',
  },
  multiplexSlowMs: {
    default: 10,
    min: 1,
    max: 60_000,
    unit: 'ms',
    about: 'A statement slower than this no longer shares a connection.',
  },
  busyTimeoutMs: {
    default: 5_000,
    min: 0,
    max: 600_000,
    unit: 'ms',
    about: 'SQLite: how long a write waits for the lock of another process.',
  },
  fetchSize: { default: 100, min: 1, max: 100_000, unit: 'rows', about: 'Streams: rows fetched at a time.' },
} as const satisfies OptionTable

/** Limits and time-outs of the connections to one server. All are whole numbers. */
export type PoolLimits = OptionValues<typeof poolOptions>

/** What reads on replicas may wait for, and how the servers of a shard are watched, each with its default and range. */
export const replicationOptions = {
  waitMs: {
    default: 50,
    min: 0,
    max: 60_000,
    unit: 'ms',
    about: 'How long a read waits for a replica that shows what its session wrote, before it goes to the primary.',
  },
  holdMs: {
    default: 5_000,
    min: 0,
    max: 600_000,
    unit: 'ms',
    about: 'How long statements for the primary wait while the shard has none.',
  },
  holdStatements: {
    default: 1_000,
    min: 0,
    max: 1_000_000,
    unit: 'statements',
    about: 'How many statements may wait for a primary at a time; more are refused at once.',
  },
  probeIntervalMs: {
    default: 500,
    min: 10,
    max: 600_000,
    unit: 'ms',
    about: 'How often each server is asked for its role and position.',
  },
  probeTimeoutMs: {
    default: 500,
    min: 10,
    max: 60_000,
    unit: 'ms',
    about: 'A server that does not answer within this time is out.',
  },
  maxLagMs: {
    default: 10_000,
    min: 0,
    max: 86_400_000,
    unit: 'ms',
    about: 'A replica further behind is not read until it is within half of it; 0 = no limit.',
  },
} as const satisfies OptionTable

/** How servers are looked for, each with its default and range. */
export const discoveryOptions = {
  intervalMs: {
    default: 5_000,
    min: 100,
    max: 3_600_000,
    unit: 'ms',
    about: 'How often servers are looked for; without a primary at once.',
  },
  timeoutMs: {
    default: 1_000,
    min: 10,
    max: 60_000,
    unit: 'ms',
    about: 'A look without an answer has failed after this time, and what was found before stays.',
  },
} as const satisfies OptionTable

/** Limits of the client as a whole, each with its default and range. */
export const clientOptions = {
  analysisCacheSize: {
    default: 2_000,
    min: 1,
    max: 1_000_000,
    unit: 'entries',
    about:
      'SQL texts whose analysis and route are remembered; and as many that stand for all which differ from them in values alone.',
  },
  analysisCacheLength: {
    default: 8_192,
    min: 0,
    max: 1_048_576,
    unit: 'characters',
    about: 'Longer SQL texts are analysed anew each time, so that the cache stays small.',
  },
  analysisLength: {
    default: 131_072,
    min: 1_024,
    max: 16_777_216,
    unit: 'characters',
    about: 'Longer SQL texts are decided on their head, and are never a read.',
  },
  queryTimeoutMs: {
    default: 0,
    min: 0,
    max: 86_400_000,
    unit: 'ms',
    about: 'Time limit of a statement that states none itself; 0 = none.',
  },
  closeTimeoutMs: {
    default: 10_000,
    min: 0,
    max: 600_000,
    unit: 'ms',
    about: 'How long close() waits for what still runs.',
  },
  readAttempts: {
    default: 2,
    min: 1,
    max: 10,
    unit: 'attempts',
    about: 'How often a statement is tried whose error says that it is safe to retry after a lost connection.',
  },
  catalogueRefreshMs: {
    default: 5_000,
    min: 0,
    max: 3_600_000,
    unit: 'ms',
    about: 'PostgreSQL: the function catalogue is read again for an unknown function, at most this often.',
  },
  adHocDatabases: {
    default: 100,
    min: 0,
    max: 10_000,
    unit: 'entries',
    about: 'Databases that may be named at a call by data source name or handle.',
  },
  scatterConcurrency: {
    default: 16,
    min: 1,
    max: 1_000,
    unit: 'shards',
    about: 'Shards that one statement asks at a time.',
  },
  countedKeys: { default: 0, min: 0, max: 100_000, unit: 'entries', about: 'Keys kept by shardStats(); 0 = none.' },
  scatterSpill: {
    default: 10_000_000,
    min: 0,
    max: 1_000_000_000,
    unit: 'rows',
    about:
      'Groups of all shards, or rows where an aggregate needs these, that go to a temporary table of the server that finishes: more than 100,000 do, of a stream more than 10,000. 0 = none.',
  },
  relatedChunk: {
    default: 500,
    min: 1,
    max: 10_000,
    unit: 'entries',
    about: 'related(): keys asked for in one statement.',
  },
} as const satisfies OptionTable

/** Limits of the client as a whole. All are whole numbers. */
export type ClientLimits = OptionValues<typeof clientOptions>
