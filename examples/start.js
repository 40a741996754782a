// `npm start`: asks which Node.js this is before examples/start.ts is read. Syntax of Node 12.
import '../scripts/node-version.js'

import('./start.ts').catch(function (error) {
  console.error(error)
  process.exit(1)
})
