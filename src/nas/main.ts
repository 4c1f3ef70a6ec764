#!/usr/bin/env node
/** The program `lambda-darts`. */
import { main } from './cli/cli.js'
import { startGuard } from './cli/guard.js'
import { watchOutputs } from './cli/outputs.js'

startGuard()
const ended = watchOutputs()
process.exitCode = await ended(await main(process.argv.slice(2)))
