/** The shared connections of one pool, under the same settings. */
export interface Sharing {
  /** All lanes, those included that are being opened. */
  readonly lanes: number
  /** Open ones. */
  readonly shared: number
  /** Statements on the wire. */
  readonly inFlight: number
  /** Lets what is on the wire end. Calls back when the last lane is closed. */
  close(then: () => void): void
  destroyAll(): void
}

/**
 * The shared connections of one pool: a statement shares one only with statements of the same settings. There are at most as many as
 * `most`, for all settings together, so that those have them who came first; lanes that nobody uses are closed, and make room.
 */
export class Multiplexers<M extends Sharing, Settings extends { readonly key: string }> {
  readonly #most: number
  readonly #create: (settings: Settings | undefined, mayOpen: () => boolean) => M
  readonly #plain: M
  /** By the key of their settings. */
  readonly #others = new Map<string, M>()
  #closing = false

  /** `create`: `mayOpen` tells whether there may be one more lane. */
  constructor(most: number, create: (settings: Settings | undefined, mayOpen: () => boolean) => M) {
    this.#most = most
    this.#create = create
    this.#plain = create(undefined, this.#mayOpen)
  }

  /** `undefined`: as many others have lanes already as may. */
  of(settings: Settings | undefined): M | undefined {
    if (settings === undefined) return this.#plain
    return this.#others.get(settings.key) ?? this.#add(settings)
  }

  get shared(): number {
    return this.#sum(({ shared }) => shared)
  }

  get inFlight(): number {
    return this.#sum(({ inFlight }) => inFlight)
  }

  /** Calls back when all are closed. */
  close(then: () => void): void {
    this.#closing = true
    const all = this.#all()
    let left = all.length
    for (const multiplexer of all)
      multiplexer.close(() => {
        left -= 1
        if (left === 0) then()
      })
  }

  destroyAll(): void {
    for (const multiplexer of this.#all()) multiplexer.destroyAll()
  }

  readonly #mayOpen = (): boolean => !this.#closing && this.#sum(({ lanes }) => lanes) < this.#most

  #add(settings: Settings): M | undefined {
    if (this.#others.size >= this.#most) this.#dropUnused()
    if (this.#others.size >= this.#most || this.#closing) return undefined
    const made = this.#create(settings, this.#mayOpen)
    this.#others.set(settings.key, made)
    return made
  }

  /** What they have learnt is the texts', not theirs. */
  #dropUnused(): void {
    for (const [key, multiplexer] of this.#others) if (multiplexer.lanes === 0) this.#others.delete(key)
  }

  #all(): readonly M[] {
    return [this.#plain, ...this.#others.values()]
  }

  #sum(of: (multiplexer: M) => number): number {
    let sum = of(this.#plain)
    for (const other of this.#others.values()) sum += of(other)
    return sum
  }
}
