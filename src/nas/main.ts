#!/usr/bin/env node
/** The program `lambda-darts`. */
import { main } from './cli/cli.js'

process.exitCode = await main(process.argv.slice(2))
