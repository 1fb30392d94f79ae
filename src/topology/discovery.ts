/** A server as something outside the configuration names it. */
export interface FoundServer {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** Marks of a purpose-built replica. Default none. */
  readonly tags?: readonly string[] | undefined
  /** Share of the reads that it gets as a replica, relative to the others. Default 1; 0 to 1,000. */
  readonly weight?: number | undefined
  /** False: as a replica it is read only where no other can be, and waits for a promotion. Default true. */
  readonly reads?: boolean | undefined
}

/** What knows the servers of a shard besides the configuration. */
export type DiscoverySource =
  /** The REST interfaces of Patroni's members; any one that answers is enough. */
  | { readonly kind: 'patroni'; readonly urls: readonly string[] }
  /** Every address of a name, at this port; with `srv`, every target of its SRV records. */
  | {
      readonly kind: 'dns'
      readonly name: string
      readonly port: number
      readonly srv: boolean
      readonly family: 4 | 6 | undefined
    }
  /** MariaDB and MySQL: the replicas that the present primary says are connected to it. */
  | { readonly kind: 'replica-hosts' }
  | { readonly kind: 'function'; readonly find: () => unknown }

/** How the servers of a database are found, and how often they are looked for. Defaults stand in `config.ts`. */
export interface Discovery {
  readonly source: DiscoverySource
  readonly intervalMs: number
  readonly timeoutMs: number
}
