import { comparePosition, mergePositions, type Position } from '../topology/position.ts'

/** What a read must find: nothing in particular, everything up to a position, or more than is known yet. */
export type Need = 'nothing' | 'unknown' | Position

/** The tables that a statement has to do with, as `touchedTables` names them; `undefined`: it may be any. */
export type Touched = readonly string[] | undefined

/** More tables than a session is expected to write count as all of them. */
const mostTables = 1_000

/**
 * What a session remembers of one shard. It turns sticky before a write is sent, not after: from then on its reads need
 * a position that only the primary can name.
 */
export class ShardMemory {
  /** Writes that were sent and not answered: nobody can say yet what a read must show. */
  underWay = 0
  /** The replica that reads stay on, and how many connections to it had been lost by then: more, and it may have restarted. */
  stay: { readonly server: string; readonly losses: number } | undefined
  #shownBy: string | undefined
  #shownTurn = 0
  /** Remembers the shard for the session around this one, which has ended: what goes on in it still matters there. */
  heir: ShardMemory | undefined
  #need: Need = 'nothing'
  /** The same for reads of tables that are not in `#written`: what may have changed anything, and what was seen already. */
  #needElsewhere: Need = 'nothing'
  readonly #written = new Set<string>()
  /** Grows with everything that makes an older answer about the position worthless. */
  #turn = 0
  /** What was needed before the write that is under way, if it is the only one. */
  #before: { readonly need: Need; readonly elsewhere: Need; readonly turn: number } | undefined

  get need(): Need {
    return this.underWay > 0 ? 'unknown' : this.#need
  }

  get turn(): number {
    return this.#turn
  }

  /** What a read of these tables must find. */
  needOf(tables: Touched): Need {
    return tables === undefined || tables.some((table) => this.#written.has(table)) ? this.need : this.#needElsewhere
  }

  /** Before a write is sent, or anything else that shows a newer state than the replicas may have. */
  begin(tables?: Touched): void {
    const [need, elsewhere] = [this.#need, this.#needElsewhere]
    this.underWay += 1
    this.#change(tables)
    this.#before = { need, elsewhere, turn: this.#turn }
  }

  /** It was answered, or failed, or nobody knows. `covered`: the position of all that it did and saw, if that is known. */
  end(tables?: Touched, covered?: Position): void {
    this.underWay -= 1
    if (covered !== undefined && this.#cover(tables, covered)) return
    // What it did may be later than a position that was asked for meanwhile.
    this.#tell(tables)
  }

  /** False if something else happened meanwhile, or nobody knew before what was needed: then only the primary can say. */
  #cover(tables: Touched, covered: Position): boolean {
    const before = this.#before
    if (before?.turn !== this.#turn || before.need === 'unknown' || this.heir !== undefined) return false
    const need = before.need === 'nothing' ? covered : mergePositions(before.need, covered)
    if (need === undefined) return false
    this.#turn += 1
    this.#need = need
    this.#needElsewhere = tables === undefined ? need : before.elsewhere
    return true
  }

  /** What was seen last is not known any more, for instance because its server is gone. */
  forget(): void {
    this.#tell(undefined)
  }

  #tell(tables: Touched): void {
    this.#change(tables)
    if (this.heir !== undefined) this.heir.#tell(tables)
  }

  #change(tables: Touched): void {
    this.#turn += 1
    this.#need = 'unknown'
    if (tables === undefined || this.#written.size > mostTables) this.#needElsewhere = 'unknown'
    else for (const table of tables) this.#written.add(table)
  }

  /**
   * The replica that has shown rows which the primary may not show yet, by its id, or `several`. Undefined: none has since
   * it was last proved that the primary shows as much.
   */
  get shownBy(): string | undefined {
    return this.#shownBy
  }

  get shownTurn(): number {
    return this.#shownTurn
  }

  /** A replica has shown rows. */
  noteShown(server: string): void {
    this.#shownTurn += 1
    this.#shownBy = this.#shownBy === undefined || this.#shownBy === server ? server : 'several'
    this.heir?.noteShown(server)
  }

  /** The primary shows all that had been shown at `turn`. */
  noteProved(turn: number): void {
    if (turn === this.#shownTurn) this.#shownBy = undefined
  }

  /** What was seen on a replica by others must be seen here, too. */
  follow(stay: { readonly server: string; readonly losses: number }): void {
    this.stay ??= stay
    if (this.stay.server !== stay.server || this.stay.losses !== stay.losses) this.forget()
  }

  /** The primary's position, asked for at `turn` or later, covers all that happened before; later things it may not. */
  settle(position: Position, turn: number): void {
    if (turn !== this.#turn || this.underWay > 0) return
    this.#need = position
    if (this.#needElsewhere === 'unknown') this.#needElsewhere = position
  }

  /** Another request or process needs this, too. `undefined`: it wrote, and did not know its position. */
  require(position: Position | undefined): void {
    const need = position ?? 'unknown'
    this.#merge(need, need)
  }

  /** What another session remembers of the shard is needed here, too. */
  adopt(other: ShardMemory): void {
    for (const table of other.#written) this.#written.add(table)
    this.#merge(other.need, other.#needElsewhere)
  }

  #merge(need: Need, elsewhere: Need): void {
    this.#turn += 1
    this.#need = greaterOf(this.#need, need)
    this.#needElsewhere = greaterOf(this.#needElsewhere, elsewhere)
  }

  /** Whether a server at `at` shows what a read of the tables needs; `incomparable` where only the primary can say. */
  reachedBy(at: Position | undefined, tables?: Touched): 'reached' | 'behind' | 'incomparable' {
    const need = this.needOf(tables)
    if (need === 'nothing') return 'reached'
    if (need === 'unknown') return 'incomparable'
    return at === undefined ? 'behind' : comparePosition(at, need)
  }
}

function greaterOf(a: Need, b: Need): Need {
  if (a === 'unknown' || b === 'unknown') return 'unknown'
  if (a === 'nothing' || b === 'nothing') return a === 'nothing' ? b : a
  return mergePositions(a, b) ?? 'unknown'
}

/** What one request or job must remember between its statements. */
export class SessionMemory {
  /** Whether a statement that may write was sent. */
  wrote = false
  readonly #shards = new Map<string, ShardMemory>()
  #heir: SessionMemory | undefined

  /** `key`: database and shard. */
  of(key: string): ShardMemory {
    let memory = this.#shards.get(key)
    if (memory === undefined) {
      memory = new ShardMemory()
      memory.heir = this.#heir?.of(key)
      this.#shards.set(key, memory)
    }
    return memory
  }

  /** All shards that were used. */
  shards(): Iterable<readonly [key: string, memory: ShardMemory]> {
    return this.#shards
  }

  /** The shards of which there is something to remember. */
  *needs(): Generator<readonly [key: string, memory: ShardMemory]> {
    for (const [key, memory] of this.#shards) if (memory.need !== 'nothing') yield [key, memory]
  }

  /** Takes over what another session needs: the outer one's at the start of an inner one, the inner one's at its end. */
  adopt(other: SessionMemory): void {
    for (const [key, memory] of other.needs()) this.of(key).adopt(memory)
    this.wrote ||= other.wrote
  }

  /** Takes over which replicas another session reads, so that neither shows an older state than the other has shown. */
  follow(other: SessionMemory): void {
    for (const [key, { stay, shownBy }] of other.#shards) {
      if (stay !== undefined) this.of(key).follow(stay)
      if (shownBy !== undefined) this.of(key).noteShown(shownBy)
    }
  }

  /** The session has ended. What was begun in it and goes on is remembered by the one around it. */
  end(heir: SessionMemory): void {
    this.#heir = heir
    for (const [key, memory] of this.#shards) memory.heir = heir.of(key)
  }
}
