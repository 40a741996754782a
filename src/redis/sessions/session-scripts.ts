import { Script } from '../script.ts'

/** KEYS: turn, result. Answers: 'done' with the result, 'mine', or 'taken'. */
export const takeTurnScript = new Script(`
local result = redis.call('GET', KEYS[2])
if result then return { 'done', result } end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return { 'mine' } end
return { 'taken' }
`)

/** KEYS: turn, result. The result of whoever has held the turn too long is as good as any. */
export const giveTurnScript = new Script(`
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 'OK'
`)

/** KEYS: the stream. It ends once no session can be left that began before its last entry. */
export const endScript = new Script(`
for i = 4, #ARGV do redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'name', ARGV[i], 'at', ARGV[1]) end
local left = redis.call('PTTL', KEYS[1])
if left < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 'OK'
`)

/**
 * KEYS: the records of one name, by when their sessions began. ARGV: the record, now, how long a session lasts, how many records
 * are found at most: those beyond, the oldest, are left to end by themselves.
 */
export const nameRecordScript = new Script(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[2] - ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 'OK'
`)

/** KEYS: as above. Answers the records of sessions that began until ARGV[1], which are named no more. */
export const takeRecordsScript = new Script(`
local records = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
return records
`)
