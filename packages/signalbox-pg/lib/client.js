'use strict'

module.exports = require('signalbox/pg').Client
