import type { TestServer } from 'signalbox/testing'
import type { Checklist } from '../checklist.ts'
import { count, indent, milliseconds, wrap, type Cell, type Page } from '../page.ts'
import type { RetailData } from '../retail-data.ts'
import type { Account } from './incidents.ts'
import type { Failure, Noticed, Observations, Slice } from './observations.ts'
import type { ReplicatedShop } from './replicated-shop.ts'
import type { Visitors } from './visitors.ts'

type NameOf = (server: TestServer) => string

export interface FindingsParts {
  readonly replicated: ReplicatedShop
  readonly observations: Observations
  readonly visitors: Visitors
  readonly data: RetailData
}

const shownReasons = 5

/** What came of a run: what the application noticed, and whether all promises held. */
export class Findings {
  readonly #parts: FindingsParts

  constructor(parts: FindingsParts) {
    this.#parts = parts
  }

  takeSlice(): Slice {
    return this.#parts.observations.takeSlice()
  }

  show(page: Page, account: Account, nameOf: NameOf): void {
    const { observations, replicated } = this.#parts
    const row = (what: string, { answered, failures, longestMs }: Noticed): Cell[] => {
      return [what, answered + failures.length, failures.length, milliseconds(longestMs)]
    }
    page.table(
      ['', 'calls', 'failed', 'longest wait'],
      [row('reads', observations.read), row('writes and transactions', observations.write)],
    )
    const all = observations.read.answered
    page.table(
      ['server', 'role now', 'reads', 'of all reads', 'writes'],
      replicated.cluster.servers.map((server, number) => {
        const reads = this.readsOf(server)
        const share = `${((reads / Math.max(1, all)) * 100).toFixed(1)} %`
        const role = server === replicated.cluster.primary ? 'primary' : 'replica'
        return [nameOf(server), role, reads, share, observations.write.answers[number] ?? 0]
      }),
    )
    page.line(`Stale reads of own writes: ${count(observations.stale)}`)
    for (const [kind, { failures }] of [
      ['read', observations.read],
      ['write', observations.write],
    ] as const) {
      this.#showReasons(page, kind, failures, account)
    }
  }

  #showReasons(page: Page, kind: string, failures: readonly Failure[], account: Account): void {
    const known = (failure: Failure): string =>
      failure.nothingHappened
        ? `${failure.reason} It had no effect for certain, so it may be repeated.`
        : failure.reason
    const groups = [...Map.groupBy(failures, known)]
    for (const [reason, group] of groups.slice(0, shownReasons)) {
      const [first] = group
      const after = first === undefined ? 0 : first.begun - account.killedAt
      page.line(
        `${count(group.length)} failed ${kind}${group.length === 1 ? '' : 's'}, the first begun ${when(after)}:`,
      )
      page.quiet(indent(wrap(reason), 4))
    }
    if (groups.length > shownReasons) page.quiet(`and ${count(groups.length - shownReasons)} more reasons`)
  }

  async check(checklist: Checklist, account: Account, nameOf: NameOf): Promise<void> {
    const { observations, replicated, visitors, data } = this.#parts
    const { read, write, stale, doubled } = observations
    checklist.holds(`reads were answered (${count(read.answered)})`, read.answered > 0)
    checklist.expect('failed reads', read.failures.length, 0)
    checklist.expect('stale reads of own writes', stale, 0)
    checklist.expect('reads that showed a write twice', doubled, 0)
    const others = write.failures.filter((failure) => !wasOnItsWay(failure, account))
    checklist.expect('failed writes that were not on their way when the primary died', others.length, 0)
    const unlucky = Math.max(0, ...visitors.shoppers.map(({ uncertain }) => uncertain))
    checklist.holds(`nobody had more than one failed write (${count(write.failures.length)} in all)`, unlucky <= 1)
    const noticedMs = account.noticedAt - account.killedAt
    checklist.holds(`the client noticed after ${milliseconds(noticedMs)} that the primary was gone`, noticedMs < 1_000)
    const promoted = replicated.cluster.servers.indexOf(account.promoted)
    checklist.holds(`${nameOf(account.promoted)} took writes as primary`, (write.answers[promoted] ?? 0) > 0)
    for (const { server, servedAfterMs } of account.returns) {
      const name = nameOf(server)
      checklist.holds(
        servedAfterMs === undefined
          ? `${name} never served again`
          : `${name} served again after ${milliseconds(servedAfterMs)}`,
        servedAfterMs !== undefined,
      )
    }
    const onReplicas = 1 - observations.readsOnPrimary / Math.max(1, read.answered)
    checklist.holds(`replicas answered ${(onReplicas * 100).toFixed(1)} % of the reads`, onReplicas > 0.5)

    await replicated.cluster.caughtUp()
    for (const server of replicated.cluster.servers) {
      const on = replicated.shop.client.using(replicated.database.dsnOf(server))
      const stored = await on.query<{ stored: number | string }>('select count(*) as stored from order_line')
      checklist.expect(`rows of order_line on ${nameOf(server)}`, Number(stored.rows[0]?.stored), data.lines.length)
      const baskets = await on.query<{ customer_id: string; items: number }>('select customer_id, items from basket')
      const items = new Map(baskets.rows.map((basket) => [basket.customer_id, basket.items]))
      const wrong = visitors.shoppers.filter(({ customerId, acknowledged, uncertain }) => {
        const found = items.get(customerId) ?? -1
        return found < acknowledged || found > acknowledged + uncertain
      })
      checklist.expect(`baskets on ${nameOf(server)} with a lost or doubled write`, wrong.length, 0)
    }
  }

  /** Reads that a server has answered so far. */
  readsOf(server: TestServer): number {
    const { observations, replicated } = this.#parts
    return observations.read.answers[replicated.cluster.servers.indexOf(server)] ?? 0
  }
}

/**
 * Begun before the client could know better, and ended by the death of the primary or later; and no statement that had
 * no effect, for the next primary could have taken that.
 */
function wasOnItsWay(failure: Failure, { killedAt, noticedAt }: Account): boolean {
  const { begun, ended, nothingHappened, isStatement } = failure
  return begun <= noticedAt && ended >= killedAt && !(nothingHappened && isStatement)
}

function when(afterMs: number): string {
  return `${milliseconds(Math.abs(afterMs))} ${afterMs < 0 ? 'before' : 'after'} the primary was killed`
}
