import { defineConfig } from 'vitest/config'
import { compileCache } from './test/support/compile-cache.ts'

// For the test runner's own processes, too, which read the same libraries for each file.
Object.assign(process.env, compileCache)

const needsServers = { globalSetup: ['test/support/global-setup.ts'] }
const needsNone = ['src/**/*.test.ts', 'test/structure/**/*.test.ts']
const takesLong = ['test/long/**/*.test.ts']
const runsPrograms = ['test/examples/**/*.test.ts']

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Long enough for a busy machine; whoever asks whether something comes sooner measures that.
    expect: { poll: { timeout: 20_000 } },
    maxWorkers: 2,
    setupFiles: ['test/support/fixed-seed.ts'],
    projects: [
      // Nothing that a module keeps outlives a test of these: one process for many files takes half the time.
      {
        extends: true,
        test: {
          name: 'unit',
          include: needsNone,
          isolate: false,
          setupFiles: ['test/support/fixed-seed.ts', 'test/support/loaded-modules.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'servers',
          include: ['test/**/*.test.ts'],
          exclude: [...needsNone, ...takesLong, ...runsPrograms],
          ...needsServers,
        },
      },
      { extends: true, test: { name: 'long', include: takesLong, ...needsServers } },
      { extends: true, test: { name: 'examples', include: runsPrograms, ...needsServers } },
    ],
  },
})
