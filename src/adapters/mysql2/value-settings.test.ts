import { expect, it } from 'vitest'
import { haveSameValueSettings, valueSettingsOf } from './value-settings.ts'

const all = valueSettingsOf({})

it('are the same if each of them is', () => {
  expect(Object.keys(all)).toHaveLength(14)
  expect(haveSameValueSettings(all, { ...all })).toBe(true)
})

it.each(Object.keys(all))('are not the same with another %s', (name) => {
  expect(haveSameValueSettings(all, { ...all, [name]: 'another' })).toBe(false)
  expect(valueSettingsOf({ [name]: 'another' })).toEqual({ ...all, [name]: 'another' })
})
