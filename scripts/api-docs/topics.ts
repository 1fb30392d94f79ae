import type { ApiExport } from './model.ts'

/** One page of the reference. */
export interface Topic {
  /** The page is `docs/api/<page>.md`. */
  readonly page: string
  readonly title: string
  /** What the page is about, and where that is explained. Markdown. */
  readonly about: string
  readonly has: (export_: ApiExport) => boolean
}

const ofACall = new Set(['CallOptions', 'ReadOptions', 'ScopeOptions', 'UsingTarget'])

/** Exports of `signalbox` that are declared in one of these files. */
function declaredIn(files: RegExp): Topic['has'] {
  return ({ entry, file }) => entry === 'signalbox' && files.test(file)
}

/** Exports of a path of the package, and of those below it. */
function givenBy(path: string): Topic['has'] {
  return ({ entry }) => entry === path || entry.startsWith(`${path}/`)
}

/** In the order of the table of contents. An export stands on the first page that has it. */
const byFile: readonly Topic[] = [
  {
    page: 'client',
    title: 'Client, statements, transactions',
    about:
      'What runs statements, what is said about a call, and what comes back. See [getting started](../getting-started.md).',
    has: (each) =>
      ofACall.has(each.name) ||
      declaredIn(
        /^src\/(?:connect|client|scope|scope-wrapper|table-home|drivers\/driver|routing\/migrate|statement\/(?:statement|split-statements)|execution\/(?:result|queryable|related|trace|reserved|transaction|pages\/.*))\.ts$/,
      )(each),
  },
  {
    page: 'configuration',
    title: 'Configuration and topology',
    about: 'What `connect()` takes, and what becomes of it. See [configuration](../configuration.md).',
    has: declaredIn(
      /^src\/(?:define-config|config|config-options|topology\/(?:server-target|discovery|shadow|topology|table-map|pattern-map))\.ts$/,
    ),
  },
  {
    page: 'routing',
    title: 'Routes, routers, analyses',
    about: 'Where a statement runs, and why. See [routing](../routing.md).',
    has: declaredIn(
      /^src\/(?:routing\/(?:route|router|format-route|shards\/preview-shards|scatter\/.*)|execution\/route-preview|statement\/analysis)\.ts$/,
    ),
  },
  {
    page: 'sessions',
    title: 'Sessions, replicas, positions',
    about: 'Reads that show what was written, and what is known of servers. See [replication](../replication.md).',
    has: declaredIn(/^src\/(?:sessions|failover\/.*|topology\/(?:position|gtid-set))\.ts$/),
  },
  {
    page: 'copies-and-shadows',
    title: 'Copies, presence, shadows',
    about:
      'Rows that are copied to another database, compared with it, deleted from several; and databases that show another one with changes laid over it. ' +
      'See [copying](../copying.md) and [shadows](../shadows.md).',
    has: declaredIn(/^src\/(?:copy-client|workflows\/.*|shadow-.*|shadowed|shadows\/.*|parse-shadow)\.ts$/),
  },
  {
    page: 'shards',
    title: 'Shards',
    about:
      'From a key to its shard, figures of shards, owners of keys, lookups. See [sharding](../sharding.md), ' +
      '[scattered reads](../scattered-reads.md), [the shard directory](../shard-directory.md), [lookup indexes](../lookup-indexes.md).',
    has: declaredIn(
      /^src\/(?:shard-client|shard-keys|parse-lookups|directory\/.*|lookups\/.*|map-records\/.*|routing\/(?:shard-map|shard-maps\/.*|lookups\/.*)|execution\/(?:shard-stats|scatter\/.*))\.ts$/,
    ),
  },
  {
    page: 'distributed-transactions',
    title: 'Distributed transactions',
    about:
      'Transactions over several shards and databases. See [distributed transactions](../distributed-transactions.md).',
    has: declaredIn(/^src\/distributed\//),
  },
  {
    page: 'ids',
    title: 'Ids of rows',
    about: 'Ids that are known before their row is stored. See [ids](../ids.md).',
    has: declaredIn(/^src\/ids\//),
  },
  {
    page: 'http',
    title: 'HTTP',
    about:
      'A session for each request, under Express, Connect, `node:http`, Fastify, Hono and Koa. See [HTTP](../http.md).',
    has: givenBy('signalbox/http'),
  },
  {
    page: 'pg',
    title: 'A façade of pg',
    about: 'The module `pg` over a client, for query tools. See [`pg`](../pg.md).',
    has: givenBy('signalbox/pg'),
  },
  {
    page: 'mysql2',
    title: 'A façade of mysql2',
    about: 'The modules `mysql2` and `mysql2/promise` over a client, for query tools. See [`mysql2`](../mysql2.md).',
    has: givenBy('signalbox/mysql2'),
  },
  {
    page: 'mariadb',
    title: 'A façade of mariadb',
    about:
      'The part of the module `mariadb` that Prisma uses, over a client. See [`mysql2`](../mysql2.md#prisma-mariadb).',
    has: givenBy('signalbox/mariadb'),
  },
  {
    page: 'kysely',
    title: 'Under Kysely',
    about: 'Kysely over all databases of a client. See [Kysely](../kysely.md).',
    has: givenBy('signalbox/kysely'),
  },
  {
    page: 'testing',
    title: 'Testing',
    about: 'Real servers, faults, clocks and histories for tests. See [testing](../testing.md).',
    has: givenBy('signalbox/testing'),
  },
]

/** Wherever they are declared. */
const errors: Topic = {
  page: 'errors',
  title: 'Errors',
  about: 'Every error is a `SignalboxError` with a `code`; [errors](../errors.md) explains the codes, and what to do.',
  has: ({ file, isError }) => isError || /^src\/(?:errors|signalbox-error|error-codes)\.ts$/.test(file),
}

export const topics: readonly Topic[] = [...byFile, errors]

/** The page of an export, if there is one for it. */
export function topicOf(export_: ApiExport): Topic | undefined {
  return errors.has(export_) ? errors : byFile.find((topic) => topic.has(export_))
}
