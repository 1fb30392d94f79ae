import type { CallOptions, ClientLimits } from './config.ts'
import { AnalyzerNotLoaded, type AnalysisCache } from './statement/analysis-cache.ts'
import { UnsupportedError, locate } from './errors.ts'
import { pickServer, whereOf, type Decision } from './execution/decision.ts'
import { routePreview, type RoutePreview } from './execution/route-preview.ts'
import type { ShardAnswerers } from './execution/shard-answerers.ts'
import { noTerms, onShards, openDecision, type ShardTerms } from './execution/shard-decision.ts'
import type { FunctionCatalogues } from './execution/function-catalogues.ts'
import type { PoolRegistry } from './execution/pool-registry.ts'
import { waitFor } from './execution/time-limit.ts'
import type { CommentHints } from './comment-hints.ts'
import type { Databases } from './databases.ts'
import type { DecisionCache, Fingerprinting, KnownDecisions } from './decision-cache.ts'
import type { ParsedConfig } from './parse-config.ts'
import type { FunctionSafety } from './statement/function-catalogue.ts'
import { defaultDatabase } from './routing/home.ts'
import type { Surrounding } from './routing/role.ts'
import { routeStatement, type RouteInput, type RoutedStatement } from './routing/route-statement.ts'
import { Unanswered, type ShardAnswers } from './routing/shards/unanswered.ts'
import { touchedTables } from './routing/touched-tables.ts'
import { NoWritesError } from './routing/write-guard.ts'
import type { Analysis, FunctionUse } from './statement/analysis.ts'
import type { Server } from './topology/topology.ts'
import type { Dialect, Params } from './statement/statement.ts'
import { loadAnalyzer, loadPostgresBuiltIns, loadSafeFunctions } from './statement/analyzers.ts'
import type { Database } from './topology/topology.ts'

/**
 * Turns a text into a {@link Decision}: gives the pure routing what it looks at (analyses, function catalogues,
 * databases), and remembers decisions that depend on nothing but the text.
 */
export class Decider {
  readonly #config: ParsedConfig
  readonly #analyses: AnalysisCache
  readonly #catalogues: FunctionCatalogues
  readonly #pools: PoolRegistry
  readonly #databases: Databases
  readonly #hints: CommentHints
  readonly #serversOf: (decision: Decision) => readonly Server[]
  readonly #answerers: ShardAnswerers
  readonly #safeFunctions = new Map<Dialect, ReadonlySet<string>>()
  #postgresBuiltIns: ReadonlySet<string> | undefined
  readonly #cacheable: boolean
  /** Where all databases are of one engine. */
  readonly #onlyDialect: Dialect | undefined
  readonly #limits: ClientLimits

  constructor(parts: {
    readonly config: ParsedConfig
    readonly analyses: AnalysisCache
    readonly catalogues: FunctionCatalogues
    readonly pools: PoolRegistry
    readonly databases: Databases
    readonly hints: CommentHints
    /** The servers of the decision's shard that can be asked what its functions do, the best first. */
    readonly serversOf: (decision: Decision) => readonly Server[]
    readonly answerers: ShardAnswerers
  }) {
    this.#config = parts.config
    this.#analyses = parts.analyses
    this.#catalogues = parts.catalogues
    this.#pools = parts.pools
    this.#databases = parts.databases
    this.#hints = parts.hints
    this.#serversOf = parts.serversOf
    this.#answerers = parts.answerers
    this.#limits = parts.config.limits
    const dialects = new Set([...parts.config.topology.databases.values()].map(({ engine }) => engine))
    this.#onlyDialect = dialects.size === 1 ? [...dialects][0] : undefined
    // A router may look at the values, or at anything else, so its answers hold for one call only.
    this.#cacheable = !parts.config.routers.some((router) => router.route !== undefined)
  }

  /** Loads what the dialect of an engine needs; cheap when it is there already. */
  async prepare(dialect: Dialect): Promise<void> {
    if (this.#analyses.has(dialect)) return
    const analyzer = await loadAnalyzer(dialect, { maxLength: this.#limits.analysisLength })
    if (dialect === 'postgres') this.#postgresBuiltIns = await loadPostgresBuiltIns()
    else this.#safeFunctions.set(dialect, await loadSafeFunctions(dialect))
    this.#analyses.add(analyzer)
  }

  /**
   * What the text says, read in the dialect that routing reads it in; if routing refuses it, in the default database's.
   * Loads what the dialect needs; connects to nothing.
   */
  async analyze(sql: string, params: Params, options: CallOptions | undefined, using: unknown): Promise<Analysis> {
    const named = options?.dialect ?? (using === undefined ? undefined : this.#databases.resolve(using).engine)
    if (named === undefined) {
      try {
        return this.#decideNow(sql, params, options, using, 'autocommit').analysis
      } catch {
        // Why it is refused is for explain() to say.
      }
    }
    const { topology } = this.#config
    const [first] = topology.databases.values()
    const fallback = topology.databases.get(defaultDatabase(topology) ?? '') ?? first
    const dialect = named ?? fallback?.engine ?? 'postgres'
    await this.prepare(dialect)
    return this.#analyses.analyze(sql, dialect)
  }

  /** What the text does, but for its values: see {@link AnalysisCache.outline}. At once, unless its dialect has to be loaded. */
  outline(sql: string, dialect: Dialect): Analysis | Promise<Analysis> {
    if (this.#analyses.has(dialect)) return this.#analyses.outline(sql, dialect)
    return this.prepare(dialect).then(() => this.#analyses.outline(sql, dialect))
  }

  /** The decision from what is known now. Does no I/O. */
  explain(
    sql: string,
    params: Params,
    options: CallOptions | undefined,
    using: unknown,
    surrounding: Surrounding = 'autocommit',
    cache?: DecisionCache,
    terms: ShardTerms = noTerms,
  ): Decision {
    const known = this.#known(cache, options, surrounding)?.get(sql)
    if (known !== undefined) return this.#onShards(known, params, terms)
    return this.#onShards(this.#decideStill(sql, params, options, using, surrounding), params, terms)
  }

  /** What is known without running anything; `params`: `undefined` if they are not known. Does no I/O. */
  preview(
    sql: string,
    params: Params | undefined,
    options: CallOptions | undefined,
    using: unknown,
    surrounding: Surrounding,
    terms: ShardTerms,
  ): { readonly decision: Decision; readonly route: () => RoutePreview } {
    const decided = this.#decideStill(sql, params ?? [], options, using, surrounding)
    refuseForbidden(decided)
    const { database } = decided
    const isBuiltIn = (fn: FunctionUse): boolean =>
      this.#isBuiltIn(database, fn) || this.#isPresumedBuiltIn(database, fn)
    const decision = decided.scatter === undefined ? decided : { ...decided, scatter: { isBuiltIn } }
    return { decision, route: () => routePreview(decision, params, this.#answerable(terms)) }
  }

  /** From what is loaded. */
  #decideStill(
    sql: string,
    params: Params,
    options: CallOptions | undefined,
    using: unknown,
    surrounding: Surrounding,
  ): Decision {
    try {
      return this.#decideNow(sql, params, options, using, surrounding)
    } catch (error) {
      if (!(error instanceof AnalyzerNotLoaded)) throw error
      throw new UnsupportedError(
        `explain() cannot read ${error.dialect} statements before the first query to such a database, since none is declared.`,
      )
    }
  }

  /** The decision for a statement that is to run: at once where it is known, else after reading a function catalogue. */
  decide(
    sql: string,
    params: Params,
    options: CallOptions | undefined,
    using: unknown,
    surrounding: Surrounding = 'autocommit',
    cache?: DecisionCache,
    terms: ShardTerms = noTerms,
  ): Decision | Promise<Decision> {
    const known = this.#known(cache, options, surrounding)
    const same = known?.get(sql)
    if (same !== undefined) return this.#placed(same, params, options, terms)
    const fingerprintOf: Fingerprinting = (text) => this.#fingerprintOf(text, options)
    const isKept = sql.length <= this.#limits.analysisCacheLength
    const alike = isKept ? known?.alike(sql, fingerprintOf) : undefined
    if (alike !== undefined) return this.#placed(alike, params, options, terms)
    let decision: Decision
    try {
      decision = this.#decideNow(sql, params, options, using, surrounding)
    } catch (error) {
      if (!(error instanceof AnalyzerNotLoaded)) throw error
      return this.prepare(error.dialect).then(() => this.decide(sql, params, options, using, surrounding, cache, terms))
    }
    if (this.#needsCatalogue(decision)) {
      const read = this.#pools.hold(this.#decideWithCatalogue(decision, sql, params, options, using, surrounding))
      return read.then((again) => this.#placed(again, params, options, terms))
    }
    if (isLasting(decision) && isKept) known?.keep(sql, fingerprintOf(sql), decision)
    return this.#placed(decision, params, options, terms)
  }

  /**
   * The decision for a text that is known, and of which nothing hangs on its values; of one that is known but for its values, what holds for all that differ from it in them. `undefined`
   * too if it is not accepted. Asks nobody.
   */
  known(
    sql: string,
    options: CallOptions | undefined,
    surrounding: Surrounding,
    cache: DecisionCache,
    accepts: (decision: Decision) => boolean,
  ): Decision | undefined {
    const known = this.#known(cache, options, surrounding)
    if (known === undefined) return undefined
    const same = known.get(sql)
    if (same !== undefined) return accepts(same) ? same : undefined
    if (sql.length > this.#limits.analysisCacheLength) return undefined
    return known.ofOneOff(sql, (text) => this.#fingerprintOf(text, options), accepts)
  }

  /** The decision with its shards; at once, unless somebody has to be asked for them. */
  #placed(
    decision: Decision,
    params: Params,
    options: CallOptions | undefined,
    terms: ShardTerms,
  ): Decision | Promise<Decision> {
    refuseForbidden(decision)
    if (decision.plan === undefined) return decision
    try {
      return onShards(decision, params, this.#answerable(terms))
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      const { signal, timeoutMs = this.#limits.queryTimeoutMs } = options ?? {}
      const choose = (answers: ShardAnswers): Decision => onShards(decision, params, { ...terms, answers })
      const { answers } = this.#answerable(terms)
      return this.#pools.hold(this.#answerers.answered(error, { signal, timeoutMs }, choose, answers))
    }
  }

  /** The decision with its shards, which hang on the parameters; with those that it may be, where somebody has to be asked. */
  #onShards(decision: Decision, params: Params, terms: ShardTerms): Decision {
    refuseForbidden(decision)
    if (decision.plan === undefined) return decision
    try {
      return onShards(decision, params, this.#answerable(terms))
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      return openDecision(decision, error)
    }
  }

  /** With what is remembered, if there is anybody who could be asked. */
  #answerable(terms: ShardTerms): ShardTerms {
    const { remembered } = this.#answerers
    return remembered === undefined || terms.answers !== undefined ? terms : { ...terms, answers: remembered }
  }

  #known(
    cache: DecisionCache | undefined,
    options: CallOptions | undefined,
    surrounding: Surrounding,
  ): KnownDecisions | undefined {
    if (cache === undefined || !this.#cacheable) return undefined
    return cache.of(options?.dialect, this.#catalogues.version, surrounding)
  }

  /** Read in the dialect that the text is in; where databases of several engines could be meant, nobody says which. */
  #fingerprintOf(sql: string, options: CallOptions | undefined): string | undefined {
    const dialect = options?.dialect ?? this.#onlyDialect
    return dialect === undefined || sql.length > this.#limits.analysisCacheLength
      ? undefined
      : this.#analyses.fingerprints.of(sql, dialect)
  }

  #needsCatalogue({ database, analysis }: Decision): boolean {
    return (
      database.engine === 'postgres' &&
      analysis.kind === 'read' &&
      this.#catalogues.needsReading(database, this.#undeclared(analysis.functions))
    )
  }

  async #decideWithCatalogue(
    decision: Decision,
    sql: string,
    params: Params,
    options: CallOptions | undefined,
    using: unknown,
    surrounding: Surrounding,
  ): Promise<Decision> {
    const { database } = decision
    const { signal, timeoutMs = this.#limits.queryTimeoutMs } = options ?? {}
    const reading = async (): Promise<void> => {
      for (const server of this.#serversOf(decision))
        if (await this.#catalogues.read(database, await this.#pools.open(server, database))) return
    }
    try {
      await waitFor(reading(), { signal, timeoutMs }, `the functions of "${database.alias}" were looked up`)
    } catch (error) {
      throw locate(error, whereOf(decision))
    }
    return this.#decideNow(sql, params, options, using, surrounding)
  }

  #decideNow(
    sql: string,
    params: Params,
    options: CallOptions | undefined,
    using: unknown,
    surrounding: Surrounding,
  ): Decision {
    const input: RouteInput = {
      statement: { sql, params },
      analysisIn: (dialect) => this.#analyses.analyze(sql, dialect),
      topology: this.#config.topology,
      tables: this.#config.tables,
      lookups: this.#config.lookups,
      routers: this.#config.routers,
      safetyOf: (database, fn) => this.#safetyOf(database, fn),
      resolve: (target) => this.#databases.resolve(target),
      using,
      hints: options?.hints,
      dialect: options?.dialect,
      said: this.#hints.reason(sql, options),
      surrounding,
    }
    const routed = routeStatement(input)
    const decision = { ...routed, sql: routed.route.sql ?? sql, touches: this.#touched(routed) }
    if (routed.plan === undefined) return { ...decision, server: pickServer(routed) }
    const shardMap = this.#config.shardMaps.get(routed.database.alias)
    const placements = new Map<string, Decision>()
    const server = routed.database.shards[0]!.primary
    const isBuiltIn = (fn: FunctionUse): boolean => this.#isBuiltIn(routed.database, fn)
    const shardNames = routed.database.shards.map(({ name }) => name)
    return { ...decision, server, shardMap, shardNames, placements, scatter: { isBuiltIn } }
  }

  #touched(routed: RoutedStatement): readonly string[] | undefined {
    const { database } = routed
    if (database.replication.untouchedTables === 'wait') return undefined
    return touchedTables(routed, this.#config.tables, (fn) => this.#isBuiltIn(database, fn))
  }

  /** PostgreSQL, where no catalogue was read: by its name. */
  #isPresumedBuiltIn({ engine }: Database, { name, schema = 'pg_catalog' }: FunctionUse): boolean {
    return engine === 'postgres' && schema === 'pg_catalog' && this.#postgresBuiltIns?.has(name) === true
  }

  #isBuiltIn(database: Database, fn: FunctionUse): boolean {
    return database.engine === 'postgres' ? this.#catalogues.isBuiltIn(database, fn) : this.#isSafeBuiltIn(database, fn)
  }

  #undeclared(functions: readonly FunctionUse[]): readonly FunctionUse[] {
    return functions.filter((fn) => !this.#isDeclaredHarmless(fn))
  }

  #safetyOf(database: Database, fn: FunctionUse): FunctionSafety {
    if (this.#isDeclaredHarmless(fn)) return 'safe'
    if (database.engine === 'postgres') return this.#catalogues.safetyOf(database, fn)
    return this.#isSafeBuiltIn(database, fn) ? 'safe' : 'unknown'
  }

  /** MySQL, MariaDB, SQLite. A built-in function has no schema there: `shop.count(1)` is somebody's own. */
  #isSafeBuiltIn({ engine }: Database, { name, schema }: FunctionUse): boolean {
    return schema === undefined && this.#safeFunctions.get(engine)?.has(name.toLowerCase()) === true
  }

  #isDeclaredHarmless(fn: FunctionUse): boolean {
    const declared = this.#config.harmlessFunctions
    if (declared.size === 0) return false
    const name = fn.name.toLowerCase()
    return declared.has(fn.schema === undefined ? name : `${fn.schema.toLowerCase()}.${name}`) || declared.has(name)
  }
}

// Not in routing: a function that is unknown there may be harmless once the catalogue was read.
function refuseForbidden({ forbidden, database }: Decision): void {
  if (forbidden !== undefined) throw new NoWritesError(forbidden, { database: database.alias })
}

// A function that is unknown today may be in the catalogue tomorrow.
function isLasting({ route }: Decision): boolean {
  return !route.reasons.some(({ rule }) => rule === 'unknown-function')
}
