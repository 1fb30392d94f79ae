#!/usr/bin/env node
import { run } from './program.ts'
import { processTerminal } from './terminal.ts'

// That node:sqlite and type stripping are experimental in some versions is no news to who checks databases.
process.removeAllListeners('warning')
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${warning.name}: ${warning.message}\n`)
})

const code = await run(process.argv.slice(2), processTerminal())
// The output is handed over. What is still open, such as a pool that the configuration made, must not keep the process.
process.exit(code)
