import { describeShardMap } from '../../../test/contract/shard-map.contract.ts'
import { customShards } from './custom-shards.ts'
import { directoryShards } from './directory-shards.ts'
import { hashShards } from './hash-shards.ts'
import { listShards } from './list-shards.ts'
import { moduloShards } from './modulo-shards.ts'
import { rangeShards } from './range-shards.ts'

const composite = ['integer', 'binary-text'] as const

describeShardMap('hash', {
  declare: (changes) => hashShards({ key: 'integer', ...changes }),
  declareComposite: () => hashShards({ key: composite }),
})

describeShardMap('range', {
  declare: (changes) =>
    rangeShards({
      key: 'integer',
      ranges: [
        { to: 0, shard: 'b' },
        { to: '300', shard: 'a' },
        { to: 301n, shard: 'c' },
        { to: 700, shard: 'b' },
        { shard: 'c' },
      ],
      ...changes,
    }),
  declareComposite: () =>
    rangeShards({
      key: composite,
      ranges: [{ to: 100, shard: 'b' }, { to: [100, 'm'], shard: 'a' }, { to: [500], shard: 'c' }, { shard: 'b' }],
    }),
})

describeShardMap('list', {
  declare: (changes) =>
    listShards({
      key: 'integer',
      lists: { a: [1, '2', 3n, 800], b: Array.from({ length: 500 }, (_, index) => index + 10) },
      default: 'c',
      ...changes,
    }),
  declareComposite: () =>
    listShards({
      key: composite,
      lists: {
        a: [
          [1, 'x'],
          [2, ''],
        ],
        b: [[1, 'X']],
      },
      default: 'c',
    }),
})

const order = ['b', 'a', 'c']
describeShardMap('modulo', {
  declare: (changes) => moduloShards({ key: 'integer', order, ...changes }),
  declareComposite: () => moduloShards({ key: composite, order }),
})

const shardOf = ([first = '']: readonly string[]): string => order[first.length % 3] ?? ''
describeShardMap('custom', {
  declare: (changes) => customShards({ key: 'integer', version: '1', shardOf, ...changes }),
  declareComposite: () => customShards({ key: composite, version: '1', shardOf }),
  notStored: 'The function is the application’s.',
})

describeShardMap('directory', {
  declare: (changes) => directoryShards({ key: 'integer', directory: 'control', ...changes }),
  declareComposite: () => directoryShards({ key: composite, directory: 'control' }),
  asks: 'The owners stand in a table.',
})
