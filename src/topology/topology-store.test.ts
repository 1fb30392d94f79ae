import { expect, it } from 'vitest'
import { parseConfig } from '../parse-config.ts'
import { TopologyStore } from './topology-store.ts'
import type { Server, Topology } from './topology.ts'

const dsn = (host: string): `postgres://${string}` => `postgres://u:secret@${host}/d`

function shop() {
  const { topology } = parseConfig({ databases: { shop: { primary: dsn('a'), replicas: [dsn('b')] } } })
  const { primary, replicas } = topology.databases.get('shop')!.shards[0]!
  return { topology, store: new TopologyStore(topology), a: primary, b: replicas[0]! }
}

const rolesOf = ({ databases }: Topology): readonly string[] =>
  databases
    .get('shop')!
    .shards.flatMap(({ primary, replicas }) => [primary, ...replicas].map(({ id, role }) => `${id} ${role}`))

it('A topology is published when roles or servers change, with a higher version; what was handed out stays', async () => {
  const { topology, store, a, b } = shop()
  const heard: number[] = []
  const end = store.subscribe(({ version }) => heard.push(version))
  const at = { database: 'shop', shard: 'main' }
  store.publish({ ...at, primary: a, servers: [a, b] })
  store.publish({ ...at, primary: undefined, servers: [a, b] })
  expect(store.current).toBe(topology)

  store.publish({ ...at, primary: b, servers: [a, b] })
  expect(store.current.version).toBe(2)
  expect(rolesOf(store.current)).toEqual(['shop/main/replica-1 primary', 'shop/main/primary replica'])
  expect(rolesOf(topology)).toEqual(['shop/main/primary primary', 'shop/main/replica-1 replica'])
  // Without a primary the last one stands there.
  store.publish({ ...at, primary: undefined, servers: [a, b] })
  expect(store.current.version).toBe(2)

  const c: Server = { ...b, id: 'shop/main/c:5432' }
  store.publish({ ...at, primary: b, servers: [a, b, c] })
  store.publish({ ...at, primary: b, servers: [a, b, { ...c, tags: ['eu'] }] })
  expect(store.current.version).toBe(4)
  await Promise.resolve()
  expect(heard).toEqual([2, 3, 4])
  store.publish({ ...at, primary: b, servers: [a, b] })
  // One that is on its way comes to nobody any more.
  end()
  store.publish({ ...at, primary: a, servers: [a, b] })
  await Promise.resolve()
  expect(heard).toEqual([2, 3, 4])
  expect(Object.isFrozen(store.current) && Object.isFrozen(store.current.databases.get('shop'))).toBe(true)
})
