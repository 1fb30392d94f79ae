import { describe, expect, it } from 'vitest'
import { judgeFate, type CommitEvidence, type HistoryFacts, type IdStatus } from './commit-evidence.ts'

const then: CommitEvidence = { id: '700', cluster: '1', timeline: 3, lsn: 1000n, recoveredTo: 100n }
const same: HistoryFacts = { standby: false, cluster: '1', timeline: 3, recoveredTo: 100n }
const judge = (changes: Partial<HistoryFacts>, status: IdStatus) => judgeFate(then, { ...same, ...changes }, status)
const committed = { kind: 'committed' }
const rolledBack = { kind: 'rolled back' }
const asked = (final: boolean) => expect.objectContaining({ kind: 'open', final }) as unknown

describe('the fate of a transaction', () => {
  it('is what the server says that has run on, or was restarted in an orderly way', () => {
    for (const recoveredTo of [100n, undefined]) {
      expect(judge({ recoveredTo }, 'committed')).toEqual(committed)
      expect(judge({ recoveredTo }, 'aborted')).toEqual(rolledBack)
      expect(judge({ recoveredTo }, 'in progress')).toEqual(asked(false))
      expect(judge({ recoveredTo }, 'forgotten')).toEqual(asked(true))
    }
  })

  it('is the server’s word after a crash whose recovery came past the first write', () => {
    for (const recoveredTo of [1000n, 1001n]) {
      expect(judge({ recoveredTo }, 'committed')).toEqual(committed)
      expect(judge({ recoveredTo }, 'aborted')).toEqual(rolledBack)
    }
  })

  it('is a rollback after a crash that lost the first write, whoever has the id now', () => {
    const statuses: readonly IdStatus[] = ['committed', 'aborted', 'in progress', 'future', 'forgotten']
    for (const status of statuses) expect(judge({ recoveredTo: 999n }, status), status).toEqual(rolledBack)
  })

  it('is known after a promotion if the new primary has it, and open if not: the old one may', () => {
    const promoted = (recoveredTo: bigint | undefined, status: IdStatus) => judge({ timeline: 4, recoveredTo }, status)
    expect(promoted(1000n, 'committed')).toEqual(committed)
    expect(promoted(1000n, 'aborted')).toEqual(asked(true))
    expect(promoted(999n, 'committed')).toEqual(asked(true))
    expect(promoted(999n, 'future')).toEqual(asked(true))
    expect(promoted(undefined, 'committed')).toEqual(asked(true))
  })

  it('is open where two promotions lie between, where the timeline is older, and in another cluster', () => {
    expect(judge({ timeline: 5, recoveredTo: 2000n }, 'committed')).toEqual(asked(true))
    expect(judge({ timeline: 2, recoveredTo: 2000n }, 'committed')).toEqual(asked(true))
    expect(judge({ cluster: '2' }, 'committed')).toEqual(asked(true))
  })

  it('is asked for again while the server asked is a standby', () => {
    expect(judge({ standby: true, timeline: 0 }, 'committed')).toEqual(asked(false))
  })
})
