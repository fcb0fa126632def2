-- The fair start of a client's next work: after all that it has asked for before, but not before the pool's now. The
-- work that a client asks for next starts by its cost later.
--
-- KEYS: shares.  ARGV: client, cost, kept.
local now = tonumber(redis.call('HGET', KEYS[1], 'now') or '0')
local start = math.max(now, tonumber(redis.call('HGET', KEYS[1], 'c:' .. ARGV[1]) or '0'))
redis.call('HSET', KEYS[1], 'c:' .. ARGV[1], tostring(start + tonumber(ARGV[2])))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return math.floor(start)
