import { expect, it } from 'vitest'
import { readPicture, stillUnseen, unseen } from './visibility.ts'

it('reads a snapshot, and counts on to the next transaction id', () => {
  expect(readPicture(['735:740:736,738', '739'])).toEqual({ xmin: 735n, xmax: 740n, running: [736n, 738n], next: 742n })
  expect(readPicture(['740:740:', '737'])).toEqual({ xmin: 740n, xmax: 740n, running: [], next: 740n })
})

it('counts on over the end of 32 bits, in the epoch of the snapshot', () => {
  const epoch = 5n << 32n
  const xmax = epoch + 0xffff_fffen
  // The next id is 4 in the epoch that follows; `age` is of 32 bits, with a sign.
  expect(readPicture([`${xmax}:${xmax}:`, '1'])?.next).toBe((6n << 32n) + 4n)
  expect(
    readPicture([`${epoch + 0x8000_0001n}:${epoch + 0x8000_0001n}:`, String(0x8000_0001 - 3 - 2 ** 32)])?.next,
  ).toBe(epoch + 0x8000_0001n)
})

it.each([[[]], [['x', '1']], [['1:2:', null]], [[null, null]]])('takes nothing else for a snapshot: %j', (row) => {
  expect(readPicture(row)).toBeUndefined()
})

it('knows which transactions a read does not show, and when it shows them', () => {
  const first = { xmin: 10n, xmax: 14n, running: [10n, 12n], next: 16n }
  expect(unseen(first)).toEqual([10n, 12n, 14n, 15n])
  const later = { xmin: 12n, xmax: 16n, running: [12n], next: 20n }
  expect(stillUnseen([10n, 12n, 14n, 15n], later)).toEqual([12n])
  expect(stillUnseen([14n, 15n], { xmin: 14n, xmax: 15n, running: [14n], next: 16n })).toEqual([14n, 15n])
  expect(stillUnseen([12n], { xmin: 20n, xmax: 20n, running: [], next: 20n })).toEqual([])
})
