import { Body, Controller, Get, Inject, Param, Post } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { TypeOrmModule } from '@nestjs/typeorm'
import { DataSource, EntitySchema } from 'typeorm'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sessions } from '../../src/adapters/http/node.ts'
import { pgFor } from '../../src/adapters/pg.ts'
import { connect, type Client } from '../../src/index.ts'
import { privateCluster, testedEngines } from '../support/servers.ts'
import type { Product } from './orm.ts'

const products = new EntitySchema<Product>({
  name: 'Product',
  tableName: 'product',
  columns: { id: { type: Number, primary: true }, name: { type: String }, stock: { type: Number } },
})

/** A singleton, as controllers are: nothing of the request is injected. */
class ProductController {
  readonly #source: DataSource

  constructor(source: DataSource) {
    this.#source = source
  }

  async add(product: Product): Promise<unknown> {
    return await this.#source.getRepository(products).save({ ...product })
  }

  async find(id: string): Promise<unknown> {
    return (await this.#source.getRepository(products).findOneBy({ id: Number(id) })) ?? { missing: true }
  }
}

/** What decorators do, which Node.js cannot read. */
function decorate(): void {
  const of = (name: 'add' | 'find'): PropertyDescriptor =>
    Object.getOwnPropertyDescriptor(ProductController.prototype, name)!
  Controller('products')(ProductController)
  Inject(DataSource)(ProductController, undefined, 0)
  Post()(ProductController.prototype, 'add', of('add'))
  Body()(ProductController.prototype, 'add', 0)
  Get(':id')(ProductController.prototype, 'find', of('find'))
  Param('id')(ProductController.prototype, 'find', 0)
}

const emptyModule = (): new () => object =>
  class {
    readonly kind = 'module'
  }

describe.runIf(testedEngines.includes('postgres'))('NestJS', () => {
  it('runs each request in a session, which the browser carries to the next one', async () => {
    await using cluster = await privateCluster('postgres', { replicas: 1 })
    const { primary, replicas } = await cluster.createDatabase()
    await using client = await connect({
      databases: { default: { primary, replicas } },
      tokens: { keys: ['a key of sixteen bytes'] },
      replication: { probeTimeoutMs: 10_000 },
    })
    await client.query('create table product (id integer primary key, name varchar(100), stock integer)')
    decorate()
    const provider = { provide: 'SIGNALBOX', useValue: client }
    const app = await NestFactory.create(
      {
        module: emptyModule(),
        controllers: [ProductController],
        imports: [
          { module: emptyModule(), global: true, providers: [provider], exports: ['SIGNALBOX'] },
          TypeOrmModule.forRootAsync({
            inject: ['SIGNALBOX'],
            useFactory: (by: Client) => ({ type: 'postgres', driver: pgFor(by), entities: [products] }),
          }),
        ],
      },
      { logger: false, abortOnError: false },
    )
    onTestFinished(async () => await app.close())
    app.use(sessions(client))
    await app.listen(0)
    const url = await app.getUrl()

    await cluster.caughtUp()
    await cluster.pauseReplay(cluster.replicas[0]!)
    const added = await fetch(`${url}/products`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: 7, name: 'chair', stock: 3 }),
    })
    expect(added.status).toBe(201)
    const [cookie] = added.headers.getSetCookie()
    const find = async (headers: Record<string, string>): Promise<unknown> =>
      await (await fetch(`${url}/products/7`, { headers })).json()
    expect(await find({ cookie: cookie!.split(';')[0]! })).toEqual({ id: 7, name: 'chair', stock: 3 })
    // Somebody else reads the replica, which does not have it yet.
    expect(await find({})).toEqual({ missing: true })
    await cluster.resumeReplay(cluster.replicas[0]!)
    await cluster.caughtUp()
    await expect.poll(async () => await find({}), { timeout: 10_000 }).toMatchObject({ name: 'chair' })
  })
})
