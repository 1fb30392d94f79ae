import { describe, expect, it } from 'vitest'
import { parseMembers } from './patroni-members.ts'

const parse = (...members: readonly unknown[]) => parseMembers(JSON.stringify({ members }))

describe("Patroni's members", () => {
  it('are servers, whatever their role and state: version 3.0', () => {
    const api_url = 'http://10.0.0.1:8008/patroni'
    expect(
      parse(
        { name: 'a', role: 'leader', state: 'running', api_url, host: '10.0.0.1', port: 5432, timeline: 1 },
        { name: 'b', role: 'replica', state: 'stopped', api_url, host: 'db2', port: 5433, lag: 'unknown' },
        {
          name: 'c',
          role: 'sync_standby',
          state: 'running',
          api_url,
          host: 'fd00::3',
          port: 5432,
          lag: 0,
          pending_restart: true,
        },
      ),
    ).toEqual([
      { host: '10.0.0.1', port: 5432 },
      { host: 'db2', port: 5433 },
      { host: 'fd00::3', port: 5432 },
    ])
  })

  it('are servers: version 4', () => {
    const lags = {
      receive_lag: 0,
      receive_lsn: '0/3000060',
      replay_lag: 0,
      replay_lsn: '0/3000060',
      lag: 0,
      lsn: '0/3000060',
    }
    expect(
      parse(
        { name: 'a', role: 'leader', state: 'running', host: 'db1', port: 5432, timeline: 1 },
        { name: 'b', role: 'quorum_standby', state: 'streaming', host: 'db2', port: 5432, timeline: 1, ...lags },
        {
          name: 'c',
          role: 'replica',
          state: 'in archive recovery',
          host: 'db3',
          port: 5432,
          lag: 'unknown',
          lsn: 'unknown',
        },
      ).map(({ host }) => host),
    ).toEqual(['db1', 'db2', 'db3'])
  })

  it('that have not said their host yet are left out; a port that is missing is 5432', () => {
    expect(parse({ name: 'a', role: 'replica', state: '' }, { name: 'b', host: 'db2' })).toEqual([
      { host: 'db2', port: 5432 },
    ])
  })

  it('take no reads with the tag noloadbalance', () => {
    const reads = (noloadbalance: unknown) => parse({ host: 'db1', tags: { noloadbalance } })[0]?.reads
    expect([reads(true), reads('yes'), reads(false), reads(undefined)]).toEqual([false, false, undefined, undefined])
  })

  it('have the tags of their configuration, without those that are orders to Patroni', () => {
    const orders = { clonefrom: true, failover_priority: 2, nofailover: true, nosync: true, nostream: true }
    const more = { replicatefrom: 'a', sync_priority: 1 }
    const own = { search: true, reports: false, zone: 'eu', rack: 7, empty: '', nothing: null, list: ['x'] }
    const tags = { ...orders, ...more, ...own }
    expect(parse({ host: 'db1', tags })).toEqual([{ host: 'db1', port: 5432, tags: ['search', 'zone=eu', 'rack=7'] }])
  })

  it.each([
    ['a page of HTML', '<html>', 'its answer is not JSON'],
    ['nothing', '', 'its answer is not JSON'],
    ['null', 'null', 'its answer has no list of members'],
    ['a list', '[]', 'its answer has no list of members'],
    ['members that are no list', '{"members":{}}', 'its answer has no list of members'],
    ['a member that is no object', '{"members":["db1"]}', 'a member in its answer is no object'],
    ['a host that is no text', '{"members":[{"name":"a","host":7}]}', 'the host of its member "a" is 7'],
    ['an empty host', '{"members":[{"name":"a","host":""}]}', 'the host of its member "a" is ""'],
    ['a host that is more', '{"members":[{"host":"x@db1/y"}]}', 'the host of its member missing is "x@db1/y"'],
    [
      'a port out of range',
      '{"members":[{"name":"a","host":"db","port":70000}]}',
      'the port of its member "a" is 70000',
    ],
    ['a port as text', '{"members":[{"name":"a","host":"db","port":"5432"}]}', 'the port of its member "a" is "5432"'],
    ['tags that are a list', '{"members":[{"name":"a","host":"db","tags":[1]}]}', 'the tags of its member "a" are [1]'],
  ])('are not in %s', (_, text, message) => {
    expect(() => parseMembers(text)).toThrow(new Error(message))
  })

  it('are quoted in messages no longer than a line', () => {
    const text = JSON.stringify({ members: [{ name: 'n'.repeat(999), host: 'h'.repeat(999) }] })
    expect(() => parseMembers(text)).toThrow(/^.{150,250}$/)
  })
})
