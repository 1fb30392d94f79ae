import fc from 'fast-check'

// The same random inputs in each run, so that a change is judged by what it changes. Other ones: FC_SEED=7 npm test.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env['FC_SEED'] ?? 20_261_121) })
