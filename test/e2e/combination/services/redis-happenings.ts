import type { Seeded } from '../../../http-battery/seeded.ts'
import { pause } from '../plan.ts'
import { redisSays } from './redis.ts'

/** What Redis does to those that use it, and how it is made good. */
const mishaps: readonly (readonly [string, string])[] = [
  ['ACL SETUSER default -@write', 'ACL SETUSER default +@all'],
  ['ACL SETUSER default -@read', 'ACL SETUSER default +@all'],
  ['ACL SETUSER default -@scripting', 'ACL SETUSER default +@all'],
  ['ACL SETUSER default resetkeys ~nobody*', 'ACL SETUSER default allkeys'],
  ['ACL SETUSER default resetchannels', 'ACL SETUSER default allchannels'],
  ['CLIENT PAUSE 150 ALL', 'PING'],
  ['CLIENT KILL TYPE normal SKIPME yes', 'CLIENT KILL TYPE pubsub'],
  ['CONFIG SET maxmemory 1', 'CONFIG SET maxmemory 0'],
  ['FLUSHALL', 'SCRIPT FLUSH']
]

/** Refuses commands, loses what it knows, pauses and hangs up; in the end all is well again. */
export async function redisMishaps(url: string, seeded: Seeded, isGoingOn: () => boolean): Promise<void> {
  while (isGoingOn()) {
    const [mishap, cure] = seeded.of(mishaps)
    await redisSays(url, mishap)
    await pause(150)
    await redisSays(url, cure)
    await pause(50)
  }
}
