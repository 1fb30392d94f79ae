import { defineConfig } from 'vitest/config'

const needsServers = ['test/**/*.test.ts']
const needsNone = ['src/**/*.test.ts', 'test/structure/**/*.test.ts']

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    setupFiles: ['test/support/fixed-seed.ts'],
    projects: [
      { extends: true, test: { name: 'unit', include: needsNone } },
      {
        extends: true,
        test: {
          name: 'servers',
          include: needsServers,
          exclude: needsNone,
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
    ],
  },
})
