// node attacker-main.ts PORT ATTACK once|again: attacks until it is told to stop, and says what it sent.
import { Attacker } from './attacker.ts'

const [port, name, how] = process.argv.slice(2) as [string, string, string]
const attacker = new Attacker(Number(port), name)
console.log('begins')
const alive = setInterval(() => {}, 1000)
process.once('SIGTERM', () => {
  attacker.stop()
  const { connections, bytes } = attacker.damage
  console.log(`${connections} connections, ${(bytes / 1e6).toFixed(1)} MB`)
  clearInterval(alive)
})
void attacker.run(how === 'again')
