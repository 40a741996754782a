// node bystanders-main.ts PORT PER_SECOND SECONDS: what the waits were, as JSON.
import { Bystanders } from './bystanders.ts'

const [port, perSecond, seconds] = process.argv.slice(2).map(Number) as [number, number, number]
const bystanders = new Bystanders(port)
console.log(JSON.stringify(await bystanders.atRate(perSecond, seconds)))
bystanders.close()
