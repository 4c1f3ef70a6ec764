#!/usr/bin/env node
/** The program `lambda-darts`. */
import { main } from './cli/cli.js'
import { startGuard } from './cli/guard.js'

startGuard()
process.exitCode = await main(process.argv.slice(2))
