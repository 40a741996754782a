// `npm start`: says which Node.js is needed, where an older one could not even read examples/start.ts. Syntax of Node 12.
const parts = process.version.replace('v', '').split('.').map(Number)
if (parts[0] > 22 || (parts[0] === 22 && parts[1] >= 19)) {
  import('./start.ts').catch(function (error) {
    console.error(error)
    process.exit(1)
  })
} else {
  console.error(
    'lb needs Node.js 22.19 or later; this is ' +
      process.version +
      '. Run "npm ci" first: it brings one that "npm start" uses.'
  )
  process.exit(1)
}
