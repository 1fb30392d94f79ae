import type mysql2 from 'mysql2'
import { withoutOwn } from './given-settings.ts'
import { classesOf, type Mysql2 } from './native-mysql2.ts'

interface ClusterInternals {
  _lastId: number
  readonly _nodes: Record<string, { pool: { end(done: () => void): void } }>
}

/** A cluster's class, without the types of its constructor, which is not for everybody. */
export type ClusterClass = new (config?: unknown) => mysql2.PoolCluster & ClusterInternals

/** A cluster of mysql2 whose nodes are virtual pools: whatever node is chosen, each statement goes where Signalbox sends it. */
export function virtualClusterClass(module: Mysql2, createPool: (config: unknown) => unknown): ClusterClass {
  class VirtualCluster extends (classesOf(module).PoolCluster as ClusterClass) {
    override add(id: string | object, config?: unknown): void {
      const isNamed = typeof id !== 'object'
      const name = isNamed ? id : `CLUSTER::${++this._lastId}`
      if (this._nodes[name] !== undefined) return
      const options = isNamed ? config : id
      super.add(name, withoutOwn(options) as never)
      // The pool that mysql2 has made has opened nothing.
      const node = this._nodes[name]!
      node.pool.end(() => undefined)
      node.pool = createPool(options) as typeof node.pool
    }
  }
  Object.defineProperty(VirtualCluster, 'name', { value: 'PoolCluster' })
  return VirtualCluster
}
