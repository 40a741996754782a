// Says in one line which Node.js is needed, where an older one could not even read what comes next. Syntax of Node 12.
import { existsSync } from 'fs'
import { dirname, join } from 'path'
import { fileURLToPath } from 'url'

const parts = process.version.replace('v', '').split('.').map(Number)
if (parts[0] < 22 || (parts[0] === 22 && parts[1] < 19)) {
  const modules = join(dirname(dirname(fileURLToPath(import.meta.url))), 'node_modules')
  // It is there without its program where npm was told to run no scripts.
  const cure = existsSync(join(modules, 'node'))
    ? 'npm was told to run no scripts, so it brought none: run "npm rebuild node", or install a newer one.'
    : 'Run "npm ci" first: it brings one that "npm start" and "npm test" use.'
  console.error('lb needs Node.js 22.19 or later; this is ' + process.version + '. ' + cure)
  process.exit(1)
}
