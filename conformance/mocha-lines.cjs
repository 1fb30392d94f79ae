'use strict'
// A reporter of mocha that writes down each step at once: what was told survives a process that hangs or dies.
const { appendFileSync } = require('node:fs')
const path = require('node:path')

module.exports = function Lines(runner) {
  const file = process.env.SIGNALBOX_CONFORMANCE_OUTCOMES
  const write = (event, test, error) => {
    const name = `${path.relative(process.cwd(), test.file ?? '')} › ${test.titlePath().join(' › ')}`
    const why = error === undefined ? undefined : String(error?.stack ?? error)
    appendFileSync(file, `${JSON.stringify({ event, test: name, why })}\n`)
  }
  runner.on('test', (test) => write('begun', test))
  runner.on('pass', (test) => write('passed', test))
  runner.on('fail', (test, error) => write('failed', test, error))
  runner.on('pending', (test) => write('pending', test))
  runner.on('end', () => {
    appendFileSync(file, `${JSON.stringify({ event: 'ended' })}\n`)
    // As `mocha.ts` expects it.
    console.log('signalbox conformance: ended')
  })
}
