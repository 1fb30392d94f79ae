import { expect, it } from 'vitest'
import { UnsupportedError } from '../errors.ts'
import { ShardAnswers, Unanswered, type ShardQuestion } from '../routing/shards/unanswered.ts'
import { ShardAnswerers } from './shard-answerers.ts'

const mail: ShardQuestion = { about: 'mail', subject: 'a@example.org', intent: 'find' }
const ownerOf = (key: string): ShardQuestion => ({ about: 'owner', subject: key, intent: 'find' })

/** A choice that needs one answer, and with it another one. */
function choose(answers: ShardAnswers): string {
  const key = answers.of(mail)
  if (key === undefined) throw new Unanswered([mail])
  const owner = answers.of(ownerOf(key ?? ''))
  if (owner === undefined) throw new Unanswered([ownerOf(key ?? '')])
  return owner ?? 'nobody'
}

it('asks in rounds, each about what the one before has led to', async () => {
  const answerers = new ShardAnswerers()
  const asked: string[] = []
  answerers.register('mail', async (questions) => questions.map((question) => [question, '7']))
  answerers.register('owner', async (questions) =>
    questions.map((question) => {
      asked.push(question.subject)
      return [question, 'b']
    }),
  )
  expect(await answerers.answered(new Unanswered([mail]), {}, choose)).toBe('b')
  expect(asked).toEqual(['7'])
})

it('an answer that there is none is an answer', async () => {
  const answers = new ShardAnswers([
    [mail, '7'],
    [ownerOf('7'), null],
  ])
  expect(choose(answers)).toBe('nobody')
  expect(choose(answers.with([[ownerOf('7'), 'c']]))).toBe('c')
})

it('who wanted to place has found, and not the other way round', () => {
  const placing = { ...ownerOf('7'), intent: 'place' } as const
  expect(new ShardAnswers([[placing, 'a']]).of(ownerOf('7'))).toBe('a')
  expect(new ShardAnswers([[ownerOf('7'), null]]).of(placing)).toBeUndefined()
})

it('what is remembered answers who finds, for a call that knows nothing better', () => {
  const remembered = new ShardAnswers([], undefined, ({ subject }) => (subject === '7' ? 'b' : undefined))
  const placing = { ...ownerOf('7'), intent: 'place' } as const
  expect(remembered.of(ownerOf('7'))).toBe('b')
  expect(remembered.of(ownerOf('8'))).toBeUndefined()
  expect(remembered.of(placing)).toBeUndefined()
  expect(remembered.with([[ownerOf('7'), 'c']]).of(ownerOf('7'))).toBe('c')
  expect(remembered.with([[ownerOf('8'), 'c']]).of(ownerOf('7'))).toBe('b')
})

it('who has found nothing and then placed has found', () => {
  const placing = { ...ownerOf('7'), intent: 'place' } as const
  expect(new ShardAnswers([[ownerOf('7'), null]]).with([[placing, 'a']]).of(ownerOf('7'))).toBe('a')
})

it('ends where the answers lead to ever more questions, and where nobody can be asked', async () => {
  const answerers = new ShardAnswerers()
  answerers.register('mail', async () => [])
  await expect(answerers.answered(new Unanswered([mail]), {}, choose)).rejects.toThrow('not known after 8 rounds')
  await expect(answerers.answered(new Unanswered([ownerOf('7')]), {}, choose)).rejects.toThrow(UnsupportedError)
})
