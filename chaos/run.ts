import { type Client, connect, type Dsn, QueryError, SignalboxError } from '../src/index.ts'
import {
  checkHistory,
  type ClusterDatabase,
  type FaultProxy,
  type History,
  HistoryRecorder,
  Random,
  type Report,
  runWorkload,
  type ServerSettings,
  type ServerTemplate,
  startFaultProxy,
  startMariadbCluster,
  startPostgresCluster,
  type TestCluster,
  type TestServer,
} from '../src/testing/index.ts'
import { causeTrouble, type Scene } from './faults.ts'
import { type PlanKind, planOf } from './plan.ts'
import { ShopOfKeys, type Tally } from './shop-of-keys.ts'

export interface ChaosOptions {
  readonly engine: 'postgres' | 'mysql'
  /** Of the servers; default: one is made. */
  readonly template?: ServerTemplate
  readonly seconds: number
  /** Ends the run earlier, when so many have been done. Default: no limit. */
  readonly operations?: number
  readonly seed: number
  /** Sessions at a time. Default 8. */
  readonly clients?: number
  /** Default 20: the fewer, the more often sessions meet. */
  readonly keys?: number
  /** Default `all`. */
  readonly faults?: PlanKind
  /** A commit is acknowledged when a replica has it, so that failovers lose nothing. Default true. */
  readonly synchronous?: boolean
  /** Default true. False: reads take replicas as they are. */
  readonly positions?: boolean
  /** How long statements wait for a primary; default 30 s, which is longer than any trouble. */
  readonly holdMs?: number
  /** Default: in memory. */
  readonly historyPath?: string
  readonly tell?: (text: string) => void
  /** Called every 10 s, and at the end. */
  readonly onProgress?: (operations: number, tally: Readonly<Tally>) => void
}

/** The one of two replicas that has it first is enough: the other one may be in trouble. */
const synchronousSettings: Readonly<Record<ChaosOptions['engine'], ServerSettings>> = {
  postgres: { synchronous_standby_names: 'ANY 1 (*)' },
  mysql: {
    'rpl-semi-sync-master-enabled': 'ON',
    'rpl-semi-sync-slave-enabled': 'ON',
    // By default a commit is shown to others before a replica has it, and they would see what a failover loses.
    'rpl-semi-sync-master-wait-point': 'AFTER_SYNC',
    // By default a primary without replicas acknowledges on its own after ten seconds.
    'rpl-semi-sync-master-timeout': '3600000',
  },
}

/** Two clients, as in two application processes. */
const processes = 2

const progressMs = 10_000

/** Random clients in sessions on one primary and two replicas, under faults; and what the check says of what they saw. */
export async function runChaos(options: ChaosOptions): Promise<Report> {
  const { engine, faults = 'all', synchronous = true, seed, tell = () => {} } = options
  await using stack = new AsyncDisposableStack()
  const settings = synchronous ? synchronousSettings[engine] : {}
  const start = engine === 'postgres' ? startPostgresCluster : startMariadbCluster
  const template = options.template === undefined ? {} : { template: options.template }
  const cluster = stack.use(await start({ settings, ...template }))
  const database = await cluster.createDatabase()
  const proxies = await proxiesOf(cluster, stack)
  const clients = await connectAll(options, database, proxies, stack)
  const plan = planOf(Random.ofPart(seed, 0), faults, cluster.replicas.length)
  const scene: Scene = { cluster, proxyOf: (server) => proxies.get(server)!, tell }
  const end = new AbortController()
  const trouble = Promise.withResolvers<void>()
  const shop = new ShopOfKeys({
    engine,
    clients,
    nameOf: namesOf(proxies),
    anyState: options.positions === false,
    onBegin: () => {
      setTimeout(() => end.abort(), options.seconds * 1_000).unref()
      causeTrouble(plan, scene, end.signal).then(trouble.resolve, trouble.reject)
    },
    onEnd: async () => {
      end.abort()
      await trouble.promise
      return stack.use(await connect(database.dsnOf(cluster.primary)))
    },
  })
  const history = work(options, shop, end.signal)
  try {
    // A cluster that does not come back ends the run.
    await Promise.race([history, trouble.promise.then(() => history)])
  } finally {
    end.abort()
  }
  return checkHistory(await history)
}

async function work(options: ChaosOptions, shop: ShopOfKeys, signal: AbortSignal): Promise<History> {
  const { clients = 8, keys = 20, operations = Infinity, seed, historyPath, onProgress } = options
  const recorder = new HistoryRecorder({
    clock: () => performance.now(),
    outcomeOf: (error) =>
      error instanceof SignalboxError &&
      error.safeToRetry &&
      !(error instanceof QueryError && error.errorClass === 'serialization')
        ? 'failed'
        : 'unknown',
    ...(historyPath === undefined ? {} : { path: historyPath }),
  })
  const progress = setInterval(() => onProgress?.(recorder.operations, shop.tally), progressMs)
  try {
    return await runWorkload({ database: shop, recorder, clients, keys, operations, seed, handOver: 0.1, signal })
  } finally {
    clearInterval(progress)
    onProgress?.(recorder.operations, shop.tally)
  }
}

async function proxiesOf(
  cluster: TestCluster,
  stack: AsyncDisposableStack,
): Promise<ReadonlyMap<TestServer, FaultProxy>> {
  const proxies = new Map<TestServer, FaultProxy>()
  for (const server of cluster.servers) proxies.set(server, stack.use(await startFaultProxy(server)))
  return proxies
}

/** By numbers, as in what is told of the faults. */
function namesOf(proxies: ReadonlyMap<TestServer, FaultProxy>): (id: string | undefined) => string {
  const numbers = new Map([...proxies.values()].map(({ port }, number) => [String(port), number]))
  return (id) => `server ${id === undefined ? '?' : numbers.get(new URL(id).port)}`
}

async function connectAll(
  { holdMs = 30_000 }: ChaosOptions,
  database: ClusterDatabase,
  proxies: ReadonlyMap<TestServer, FaultProxy>,
  stack: AsyncDisposableStack,
): Promise<readonly Client[]> {
  const [primary, ...replicas] = [...proxies].map(([server, proxy]) => proxy.through(database.dsnOf(server)) as Dsn)
  const clients: Client[] = []
  for (let process = 0; process < processes; process++) {
    const config = {
      databases: { default: { primary: primary!, replicas, replication: { holdMs } } },
      tokens: { keys: ['the same for all'] },
    }
    clients.push(stack.use(await connect(config)))
  }
  return clients
}
