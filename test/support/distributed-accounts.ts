import { listShards, type Config, type Dsn, type ShardInput } from '../../src/index.ts'

/** The databases of the three shards, and of the log. */
export interface AccountDsns extends Readonly<Record<'a' | 'b' | 'c', Dsn | ShardInput>> {
  readonly control: Dsn
}

/** Accounts on three shards, by customer: 1 on "a", 2 on "b", 3 on "c". */
export function accountsConfig({ a, b, c, control }: AccountDsns) {
  return {
    databases: {
      default: {
        shards: { a, b, c },
        shardMap: listShards({ key: 'integer', lists: { a: [1], b: [2], c: [3] } }),
      },
      control,
    },
    tables: {
      account: { database: 'default', shardKey: 'customer_id' },
      country: { database: 'default', kind: 'reference' },
    },
  } as const satisfies Config
}
