export * from 'signalbox-true-mysql2'
