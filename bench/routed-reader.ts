import assert from 'node:assert/strict'
import type { Client } from 'signalbox'
import type { Contestant } from './measure.ts'

/** Reads by Signalbox, each in a session. */
export interface RoutedReader {
  readonly name: string
  /** Reads of one session, one after the other. */
  readonly reads: number
  /** What the sessions begin with, in turn; none: with nothing. */
  readonly tokens: readonly string[]
  /** False: its figures are printed beside the others. */
  readonly judged: boolean
}

/** Sessions of one read; sessions that begin with the token of an earlier write, as those of requests do, with five reads and with one. */
export async function routedReaders(client: Client, write: string): Promise<readonly RoutedReader[]> {
  const tokens = await tokensOf(client, write)
  return [
    { name: 'sessions of one read', reads: 1, tokens: [], judged: true },
    { name: 'sessions of five reads, with a token', reads: 5, tokens, judged: true },
    { name: 'sessions of one read, with a token', reads: 1, tokens, judged: true },
  ]
}

/** As a contestant; `spread` gives the key of the nth read. */
export function contestantOf(
  client: Client,
  read: string,
  { name, reads, tokens, judged }: RoutedReader,
  spread: (n: number) => number,
): Contestant & { readonly judged: boolean } {
  return {
    name,
    judged,
    perRun: reads,
    run: (index) =>
      client.session(
        async () => {
          for (let n = 0; n < reads; n++) await client.query(read, [spread(index * reads + n)])
        },
        tokens.length === 0 ? {} : { token: tokens[index % tokens.length] },
      ),
  }
}

/** Tokens of a hundred sessions that wrote. */
async function tokensOf(client: Client, write: string): Promise<readonly string[]> {
  const tokens: string[] = []
  const deadline = performance.now() + 10_000
  while (tokens.length < 100) {
    assert.ok(performance.now() < deadline, 'the sessions that wrote gave no tokens')
    const token = await client.session(async (session) => {
      await client.query(write, [tokens.length + 1])
      return await session.token()
    })
    // There is none where the replicas showed the write before it was asked for.
    if (token !== undefined) tokens.push(token)
  }
  return tokens
}
