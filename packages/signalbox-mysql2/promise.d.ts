export * from 'signalbox-true-mysql2/promise'
