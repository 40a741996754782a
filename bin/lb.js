#!/usr/bin/env node
// Syntax of Node 12 throughout, so that an old Node reaches the sentence that says which one is needed.
import { spawn } from 'child_process'
import { existsSync } from 'fs'
import { dirname, join } from 'path'
import { fileURLToPath, pathToFileURL } from 'url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

function isEnough(version) {
  const parts = version.replace('v', '').split('.').map(Number)
  return parts[0] > 22 || (parts[0] === 22 && parts[1] >= 19)
}

/** In the repository the package `node` is a development dependency: that one runs lb then. */
function runWith(node) {
  const child = spawn(node, process.execArgv.concat(process.argv.slice(1)), { stdio: 'inherit' })
  const signals = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']
  signals.forEach(function (signal) {
    process.on(signal, function () {
      // The terminal sends Ctrl-C and Ctrl-\ to the whole group: the child has it already.
      const typed = signal === 'SIGINT' || signal === 'SIGQUIT'
      if (!typed || !process.stdin.isTTY) child.kill(signal)
    })
  })
  child.on('error', function (error) {
    console.error('lb: cannot start ' + node + ': ' + error.message)
    process.exit(1)
  })
  child.on('exit', function (code, signal) {
    if (signal === null) process.exit(code)
    signals.forEach(function (name) {
      process.removeAllListeners(name)
    })
    process.kill(process.pid, signal)
  })
}

function fail(error) {
  console.error('lb: ' + (error && error.message ? error.message : error))
  process.exit(1)
}

/** What Node does by itself with these ends lb, or opens a debugger; src/cli/signals.ts takes them over as soon as it is loaded. */
function surviveSignals() {
  const ignore = function () {}
  process.on('SIGUSR1', ignore)
  process.on('SIGUSR2', ignore)
  // A command that runs in a terminal ends with it.
  const first = process.argv[2]
  if (first === undefined || first.indexOf('-') === 0) process.on('SIGHUP', ignore)
}

if (isEnough(process.version)) {
  surviveSignals()
  const source = join(root, 'src', 'cli.ts')
  import(pathToFileURL(existsSync(source) ? source : join(root, 'dist', 'cli.js')).href).catch(fail)
} else {
  const bundled = join(root, 'node_modules', 'node', 'bin', 'node')
  if (existsSync(bundled)) runWith(bundled)
  else {
    console.error(
      'lb needs Node.js 22.19 or later; this is ' + process.version + ' (' + process.execPath + ')'
    )
    process.exit(1)
  }
}
